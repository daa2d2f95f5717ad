use std::{fs, io::Write, process::Stdio};

use crate::program::{Folder, Outcome, Serving};

fn with_alice() -> (Folder, Serving) {
    let folder = Folder::new();
    let config = fs::read_to_string(folder.path().join("GoodConnectServer.exe.config")).unwrap();
    let tls = r#"key="HTTPS_BIND" value="127.0.0.1:0""#;
    folder.write("GoodConnectServer.exe.config", &config.replace(r#"key="HTTPS_BIND" value="""#, tls));
    let serving = folder.serve();
    folder.well(&["account", "add", "alice@example.test", "--name", "Alice Example"]);
    let key =
        folder.json(&["activation", "issue", "alice@example.test"])["accessKey"].as_str().unwrap().to_owned();
    folder.write("key", &key);
    (folder, serving)
}

fn chat(folder: &Folder, serving: &Serving, trust: &[&str]) -> Outcome {
    let server = format!("https://{}", serving.listeners["https"].as_str().unwrap());
    let line = [
        "chat",
        "--server",
        &server,
        "--user",
        "alice@example.test",
        "--access-key-file",
        "key",
        "--state-dir",
        "kept",
    ];
    let mut child = folder
        .command(&[&line[..], trust].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"/quit\n").unwrap();
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn the_terminal_phone_trusts_the_fingerprint_that_serve_prints() {
    let (folder, serving) = with_alice();
    let fingerprint = serving.listeners["fingerprint"].as_str().unwrap();
    let first = chat(&folder, &serving, &["--fingerprint", fingerprint]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.out.contains("Alice Example"), "{first:?}");
    let again = chat(&folder, &serving, &["--fingerprint", fingerprint]);
    assert_eq!(again.code, Some(0), "the key is spent, and the token kept: {again:?}");
}

#[test]
fn a_certificate_that_nobody_signed_is_not_trusted() {
    let (folder, serving) = with_alice();
    let outcome = chat(&folder, &serving, &[]);
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
    assert!(outcome.err.contains("--fingerprint"), "{}", outcome.err);

    // The same once the device is activated, and with the fingerprint of another certificate.
    let fingerprint = serving.listeners["fingerprint"].as_str().unwrap();
    assert_eq!(chat(&folder, &serving, &["--fingerprint", fingerprint]).code, Some(0));
    let other = ["AB"; 32].join(":");
    for line in [&[][..], &["--fingerprint", &other]] {
        let outcome = chat(&folder, &serving, line);
        assert!(outcome.code == Some(4) && outcome.err.contains("try: --fingerprint"), "{outcome:?}");
        assert!(!outcome.err.contains("unexpected error"), "{outcome:?}");
    }
}
