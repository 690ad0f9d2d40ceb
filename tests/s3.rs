//! R2 through the S3 API: the stock clients, requests that none of them sends, tokens, and both ways between a Worker and S3.

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::{Dev, PATIENCE, Project, skerry};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

const BUCKET: &str = "[[r2_buckets]]\nbinding = \"BUCKET\"\nbucket_name = \"files\"\n";

/// Objects by path, as a Worker has them.
const FILES: &str = r#"
    export default {
      async fetch(request, { BUCKET }) {
        const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
        if (request.method === "PUT") {
          await BUCKET.put(key, request.body, { httpMetadata: request.headers, customMetadata: { from: "a Worker" } });
          return new Response("stored");
        }
        const object = await BUCKET.get(key);
        if (object === null) return new Response("nothing", { status: 404 });
        const { etag, httpMetadata, customMetadata } = object;
        return Response.json({ text: await object.text(), etag, httpMetadata, customMetadata });
      },
    };
"#;

/// `skerry dev --r2-port 0`, and what its clients are told.
struct Served {
    project: Project,
    dev: Dev,
    endpoint: String,
    all: String,
}

// === impl Served ===

impl Served {
    async fn start() -> Self {
        Self::of(Project::configured(BUCKET, FILES)).await
    }

    async fn of(project: Project) -> Self {
        let dev = Dev::flags(&project, &["--r2-port", "0"]).await;
        let line = dev.line("S3 API on ").await;
        let endpoint = line.split_once(" on ").expect("an address").1.to_owned();
        let all = token(&project, &["--permission", "read-write"]).await;
        Self { project, dev, endpoint, all }
    }

    fn client(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("S3_ENDPOINT", &self.endpoint).env("S3_ALL", &self.all).current_dir(self.project.path());
        command.env("S3_FILE", self.project.join("large.bin"));
        command.env("NODE_NO_WARNINGS", "1").kill_on_drop(true);
        command
    }
}

/// A new token as `id:secret`.
async fn token(project: &Project, options: &[&str]) -> String {
    let args: Vec<&str> = ["r2", "token", "create"].iter().chain(options).copied().collect();
    let made = skerry(project.path(), &args).await.ok().stdout;
    let field = |name: &str| {
        let line = made.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name:?} in:\n{made}")).trim().to_owned()
    };
    format!("{}:{}", field("Access key id:"), field("Secret access key:"))
}

/// A script of `tests/s3`.
pub(crate) fn script(name: &str) -> PathBuf {
    harness::root().join("tests/s3").join(name)
}

/// A program of the Python clients, which `.ci/setup test` installs.
pub(crate) fn python(name: &str) -> PathBuf {
    let path = harness::root().join(".cache/s3-clients/bin").join(name);
    assert!(path.is_file(), "{} is missing: run `make test`", path.display());
    path
}

/// Runs a client to its end, which has to be a good one.
pub(crate) async fn travel(mut client: Command) {
    let ended = timeout(Duration::from_secs(300), client.output()).await.expect("it ends in time").expect("it starts");
    let said = [ended.stdout, ended.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(ended.status.success(), "{said}");
}

#[tokio::test]
async fn boto3_travels() {
    let served = Served::start().await;
    let read = token(&served.project, &["--permission", "read"]).await;
    let one = token(&served.project, &["--permission", "read-write", "--bucket", "files"]).await;
    let mut client = served.client(python("python"));
    client.arg(script("journey.py")).env("S3_READ", read).env("S3_ONE", one);
    travel(client).await;
}

/// 1 GiB in parts and in one piece: neither passes through memory.
#[tokio::test]
async fn large_objects_take_little_memory() {
    let served = Served::start().await;
    let mut client = served.client(python("python"));
    client.arg(script("large.py"));
    let before = served.dev.resident_mib();
    travel(client).await;
    let grown = served.dev.resident_mib().saturating_sub(before);
    assert!(grown < 100, "memory grew by {grown} MiB");
}

#[tokio::test]
async fn the_sdk_for_javascript_travels() {
    let served = Served::start().await;
    let mut client = served.client("node");
    client.arg(script("journey.mjs"));
    travel(client).await;
}

#[tokio::test]
async fn the_aws_cli_travels() {
    let served = Served::start().await;
    let read = token(&served.project, &["--permission", "read"]).await;
    let folder = served.project.join("cli");
    std::fs::create_dir(&folder).expect("a folder");
    let mut client = served.client(script("journey.sh"));
    client.env("S3_READ", read).env("AWS", python("aws")).env("S3_FOLDER", folder);
    travel(client).await;
}

#[tokio::test]
async fn hostile_requests_are_refused() {
    let mut served = Served::start().await;
    let before = served.dev.resident_mib();
    let mut client = served.client(python("python"));
    client.arg(script("hostile.py"));
    travel(client).await;
    served.dev.assert_alive();
    let grown = served.dev.resident_mib().saturating_sub(before);
    assert!(grown < 100, "memory grew by {grown} MiB");
}

/// One line of Python with a client `s3`, whose output is returned.
async fn boto3(served: &Served, token: &str, code: &str) -> String {
    let mut client = served.client(python("python"));
    client.arg(script("one.py")).arg(code).env("S3_TOKEN", token);
    let ended = timeout(3 * PATIENCE, client.output()).await.expect("it ends in time").expect("it starts");
    assert!(ended.status.success(), "{code}\n{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8_lossy(&ended.stdout).trim().to_owned()
}

#[tokio::test]
async fn a_worker_and_s3_see_the_same_objects() {
    let served = Served::start().await;
    let put = served.dev.request("PUT", "/a/b").header("content-type", "text/x").body("from a Worker").await;
    assert_eq!(put.status(), 200);
    let seen = "o = s3.get_object(Bucket='files', Key='a/b'); print(o['Body'].read(), o['ContentType'], o['Metadata'])";
    assert_eq!(boto3(&served, &served.all, seen).await, "b'from a Worker' text/x {'from': 'a Worker'}");
    let put = "s3.put_object(Bucket='files', Key='c d', Body=b'from S3', ContentType='text/y', Metadata={'k': '=?utf-8?B?w7w=?='})";
    boto3(&served, &served.all, put).await;
    let seen = served.dev.json("/c%20d").await;
    assert_eq!(seen["text"], "from S3");
    assert_eq!(seen["httpMetadata"]["contentType"], "text/y");
    assert_eq!(seen["customMetadata"]["k"], "ü");
    boto3(&served, &served.all, "s3.delete_object(Bucket='files', Key='a/b')").await;
    assert_eq!(served.dev.get("/a/b").send().await.status(), 404);
}

#[tokio::test]
async fn tokens_work_at_once_and_no_longer_than_they_should() {
    let served = Served::start().await;
    served.dev.request("PUT", "/x").body("x").await;
    let run = async |args: &[&str]| skerry(served.project.path(), args).await;
    let code = "print(code(lambda: s3.list_objects_v2(Bucket='files')))";
    assert_eq!(boto3(&served, &served.all, code).await, "200");

    let short = token(&served.project, &["--permission", "read", "--ttl", "10s"]).await;
    let until = "list = lambda: s3.list_objects_v2(Bucket='files')\nprint(code(list))\nwhile code(list) == 200: time.sleep(0.2)";
    let until = format!("{until}\nprint(code(list))");
    assert_eq!(boto3(&served, &short, &until).await, "200\nUnauthorized");

    let (id, secret) = served.all.split_once(':').expect("a token");
    let listed = run(&["r2", "token", "list"]).await.ok().stdout;
    assert!(listed.contains(id) && listed.contains("has expired") && !listed.contains(secret), "{listed}");
    let file = served.project.join(".skerry/state/v1/r2/tokens.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("the file").permissions());
    assert_eq!(mode & 0o777, 0o600);

    run(&["r2", "token", "delete", id]).await.ok();
    assert_eq!(boto3(&served, &served.all, code).await, "Unauthorized");
    assert!(run(&["r2", "token", "delete", id]).await.refused().stderr.contains("no token"));
    for bad in ["0", "x", "1y", "-1h"] {
        assert!(
            !run(&["r2", "token", "create", "--permission", "read", &format!("--ttl={bad}")]).await.success,
            "{bad}"
        );
    }
}

/// Kill -9 in the middle of uploads: what had been acknowledged is there, the rest never was.
#[tokio::test]
async fn an_upload_that_is_cut_off_leaves_nothing() {
    let mut served = Served::start().await;
    let mut client = served.client(python("python"));
    let mut client = client
        .arg(script("cut.py"))
        .arg("before")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the client starts");
    let mut said = BufReader::new(client.stdout.take().expect("stdout is piped")).lines();
    let upload = timeout(PATIENCE, said.next_line()).await.expect("in time").expect("a line").expect("an upload's id");
    // Bytes of all three have come to the disk.
    let incoming = served.project.join(".skerry/state/v1/r2/blobs/incoming");
    let arriving = async {
        while files(&incoming) < 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, arriving).await.expect("the uploads arrive");
    served.dev.kill().await;
    assert!(timeout(PATIENCE, client.wait()).await.expect("it ends").expect("a status").success());

    let Served { project, all, .. } = served;
    let mut served = Served::of(project).await;
    served.all = all;
    let mut client = served.client(python("python"));
    client.arg(script("cut.py")).arg("after").arg(upload);
    travel(client).await;
    assert_eq!(files(&incoming), 0);
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn the_port_and_the_expiry_are_what_was_asked_for() {
    let served = Served::start().await;
    let port = served.endpoint.rsplit(':').next().expect("a port");
    let again = skerry(served.project.path(), &["dev", "--port", "0", "--r2-port", port]).await.refused();
    assert!(again.stderr.contains("--r2-port"), "{}", again.stderr);
    std::fs::write(served.project.join("a.txt"), "a").expect("a file");
    let date = "Wed, 21 Oct 2026 07:28:00 GMT";
    let args = ["r2", "object", "put", "files/a", "--file", "a.txt", "--expires", date];
    skerry(served.project.path(), &args).await.ok();
    let expires = "print(s3.head_object(Bucket='files', Key='a')['ExpiresString'])";
    assert_eq!(boto3(&served, &served.all, expires).await, date);
    let args = ["r2", "object", "put", "files/a", "--file", "a.txt", "--expires", "tomorrow"];
    skerry(served.project.path(), &args).await.refused();
}
