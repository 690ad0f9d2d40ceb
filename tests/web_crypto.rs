//! Web Cryptography: tokens signed here and by OpenSSL's command, known answers, wrapping, hostile keys, the CPU limit.

use std::path::Path;
use std::process::Command;

use harness::{Dev, Project};
use serde_json::{Value, json};

fn project() -> Project {
    let worker = std::fs::read_to_string(harness::root().join("tests/web_crypto/worker.js")).expect("the Worker");
    Project::configured("", &worker)
}

async fn ask(dev: &Dev, path: &str, body: Value) -> Value {
    let answer = dev.request("POST", path).body(body.to_string()).await;
    let status = answer.status();
    let text = harness::text(answer).await;
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {status} {text}"))
}

/// Runs `openssl` in `folder`, and returns what it says.
fn openssl(folder: &Path, arguments: &str) -> String {
    let output =
        Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().expect("the command openssl");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Ways to make a key, and to sign with it; `None` where the command signs in another form than JSON Web Signatures.
const KEYS: &[(&str, &str, Option<&str>)] = &[
    ("RS256", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", Some("dgst -sha256")),
    (
        "PS256",
        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        Some("dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32"),
    ),
    ("ES256", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", None),
    ("ES384", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", None),
    ("ES512", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521", None),
    ("EdDSA", "genpkey -algorithm ed25519", Some("pkeyutl -rawin")),
];

#[tokio::test]
async fn tokens_are_signed_with_the_keys_of_openssl() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = project();
    let dev = Dev::start(&project).await;
    let text = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJza2VycnkifQ";
    std::fs::write(folder.path().join("text"), text).expect("a file");
    for (alg, make, sign) in KEYS {
        let private_pem = openssl(folder.path(), make);
        std::fs::write(folder.path().join("key"), &private_pem).expect("a file");
        let public_pem = openssl(folder.path(), "pkey -in key -pubout");
        std::fs::write(folder.path().join("public"), &public_pem).expect("a file");
        let keys = json!({ "alg": alg, "privatePem": private_pem, "publicPem": public_pem, "text": text });
        let answer = ask(&dev, "/sign", keys).await;
        assert_eq!(answer["verified"], json!([true, true, false, false, false]), "{alg}");

        // Each verifies what the other has signed.
        let Some(sign) = sign else { continue };
        std::fs::write(folder.path().join("ours"), bytes(answer["signature"].as_str().expect("hex"))).expect("a file");
        if *alg == "EdDSA" {
            openssl(folder.path(), "pkeyutl -verify -rawin -pubin -inkey public -in text -sigfile ours");
            openssl(folder.path(), &format!("{sign} -sign -inkey key -in text -out theirs"));
        } else {
            openssl(folder.path(), &format!("{sign} -verify public -signature ours text"));
            openssl(folder.path(), &format!("{sign} -sign key -out theirs text"));
        }
        let theirs = std::fs::read(folder.path().join("theirs")).expect("a signature");
        let theirs: String = theirs.iter().map(|byte| format!("{byte:02x}")).collect();
        let question = json!({ "alg": alg, "publicPem": public_pem, "text": text, "signature": theirs });
        assert_eq!(ask(&dev, "/verify", question).await, true, "{alg}");
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

#[tokio::test]
async fn the_answers_are_those_of_the_standards() {
    let project = project();
    let dev = Dev::start(&project).await;
    assert_eq!(
        ask(&dev, "/knownAnswers", json!({})).await,
        json!({
            "sealed": "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
            "wrapped": "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
            "okm": "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            "stretched": "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d",
            "agreed": [true, true, true],
        })
    );
    assert_eq!(ask(&dev, "/wrapping", json!({})).await, json!([]));
}

#[tokio::test]
async fn hostile_keys_and_parameters_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key"), openssl(folder.path(), "genrsa 2048")).expect("a file");
    let public_pem = openssl(folder.path(), "rsa -in key -pubout");
    let project = project();
    let dev = Dev::start(&project).await;
    assert_eq!(
        ask(&dev, "/hostile", json!({ "publicPem": public_pem })).await,
        json!({
            "iterations": ["OperationError", "NotSupportedError", "NotSupportedError", "OperationError", "OperationError"],
            "modulus": ["OperationError", "OperationError"],
            "malformed": ["DataError"],
            "trailing": "DataError",
            "infinity": "DataError",
            "offCurve": "DataError",
            "jwk": ["DataError", "DataError", "DataError"],
            "tag": ["OperationError", "OperationError", "OperationError"],
            "notExtractable": ["InvalidAccessError", "InvalidAccessError"],
            "seen": [],
        })
    );
}

/// Native work is charged to the request as its own, and ends it.
#[tokio::test]
async fn native_work_counts_against_the_cpu_limit() {
    let project = Project::configured(
        "[limits]\ncpu_ms = 100\n",
        r#"
        export default {
          async fetch() {
            const key = await crypto.subtle.importKey("raw", new Uint8Array(9), "PBKDF2", false, ["deriveBits"]);
            for (;;) await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(8), iterations: 100_000 }, key, 256);
          },
        };
        "#,
    );
    let dev = Dev::with(&["--enforce-limits"], &[project.path()]).await;
    assert_eq!(dev.get("/").send().await.status(), 503);
}
