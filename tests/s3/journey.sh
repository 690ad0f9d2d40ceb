#!/usr/bin/env bash
# What the AWS CLI does with the S3 API: copies up and down, sync, lists, presigned URLs with curl.
#
# The journey in s3.rs starts `skerry dev`, makes tokens, and sets S3_ENDPOINT, S3_ALL and S3_READ (`id:secret`), AWS (the client)
# and S3_FOLDER (an empty folder). Each step prints its name; the first that fails ends it.
set -euo pipefail
cd "$S3_FOLDER"
large=${S3_LARGE_MIB:-1024}
export AWS_REGION=auto AWS_CONFIG_FILE=$PWD/config AWS_SHARED_CREDENTIALS_FILE=$PWD/none AWS_EC2_METADATA_DISABLED=true
export AWS_MAX_ATTEMPTS=1 AWS_PAGER=
printf '[default]\ns3 =\n  signature_version = s3v4\n  multipart_chunksize = 64MB\n  max_concurrent_requests = 4\n' > config

as() { export AWS_ACCESS_KEY_ID=${1%%:*} AWS_SECRET_ACCESS_KEY=${1#*:}; }
s3() { "$AWS" --endpoint-url "$S3_ENDPOINT" s3 "$@"; }
s3api() { "$AWS" --endpoint-url "$S3_ENDPOINT" s3api "$@"; }
step() { printf '%s\n' "$*" >&2; }
fails() { # fails TEXT COMMAND…: it has to fail, and to say the text.
  local text=$1 said
  shift
  if said=$("$@" 2>&1); then step "not refused: $*"; return 1; fi
  grep -qF -- "$text" <<< "$said" || { step "refused otherwise: $said"; return 1; }
}
sum() { sha256sum < "$1"; }

as "$S3_ALL"
step buckets
s3 mb s3://cli > out
s3 ls | grep -q ' cli$'

step "files up and down"
head -c 3000000 /dev/urandom > small
s3 cp --no-progress --metadata colour=blue --content-type text/css small s3://cli/a/small.css > out
s3 cp --no-progress s3://cli/a/small.css back > out
cmp small back
s3api head-object --bucket cli --key a/small.css > out
grep -q '"ContentType": "text/css"' out && grep -q '"colour": "blue"' out
s3 cp --no-progress - s3://cli/piped < small > out
s3 cp --no-progress s3://cli/piped - | cmp - small
fails 404 s3 cp s3://cli/nothing back

step "conditions and ranges"
etag=$(s3api head-object --bucket cli --key piped --query ETag --output text)
fails PreconditionFailed s3api put-object --bucket cli --key piped --body small --if-none-match '*'
fails PreconditionFailed s3api get-object --bucket cli --key piped --if-match '"other"' out
s3api get-object --bucket cli --key piped --if-match "$etag" --range bytes=1000-1999 back > out
[ "$(stat -c %s back)" -eq 1000 ] && cmp -i 1000:0 -n 1000 small back

step "copies and moves"
s3 cp --no-progress s3://cli/piped s3://cli/copied > out
s3 mv --no-progress s3://cli/copied s3://cli/moved > out
fails 404 s3api head-object --bucket cli --key copied
s3 cp --no-progress s3://cli/moved - | cmp - small

step "1,005 files: sync, lists"
mkdir -p many/x
for n in $(seq 1005); do printf '%s' "$n" > "many/x/$n"; done
s3 sync --no-progress many s3://cli/many > out
[ "$(s3 ls --recursive s3://cli/many/ | wc -l)" -eq 1005 ]
[ "$(s3 ls s3://cli/many/)" = "                           PRE x/" ]
rm -r many/x/1*
s3 sync --no-progress --delete s3://cli/many many > out
[ "$(find many -type f | wc -l)" -eq 1005 ]
[ "$(s3 sync --no-progress many s3://cli/many)" = "" ]
s3 rm --quiet --recursive s3://cli/many
[ "$(s3 ls --recursive s3://cli/many/ | wc -l)" -eq 0 ]

step "presigned URLs with curl"
url=$(s3 presign --expires-in 60 s3://cli/piped)
curl -sSf -o back "$url"
cmp small back
[ "$(curl -sS -o out -w '%{http_code}' "${url/Signature=/Signature=0}")" = 403 ] && grep -q SignatureDoesNotMatch out
[ "$(curl -sS -o out -w '%{http_code}' -X DELETE "$url")" = 403 ]
url=$(s3 presign --expires-in 1 s3://cli/piped)
sleep 2.1
[ "$(curl -sS -o out -w '%{http_code}' "$url")" = 400 ] && grep -q ExpiredRequest out
[ "$(curl -sS -o out -w '%{http_code}' "$S3_ENDPOINT/cli/piped")" = 400 ]

step "a token that only reads"
as "$S3_READ"
s3 cp --no-progress s3://cli/piped - | cmp - small
fails AccessDenied s3 cp small s3://cli/x
fails AccessDenied s3 rm s3://cli/piped
as "$S3_ALL"

step "$large MiB in parts"
truncate -s "${large}M" large
for at in $(seq 0 64 $((large - 1))); do head -c 4096 /dev/urandom | dd of=large bs=1M seek="$at" conv=notrunc status=none; done
s3 cp --no-progress large s3://cli/large > out
s3 cp --no-progress s3://cli/large large.back > out
[ "$(sum large)" = "$(sum large.back)" ]
rm -f large large.back
s3 rm s3://cli/large > out
s3 rb --force s3://cli > out
