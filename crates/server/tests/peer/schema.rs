//! The OpenAPI document in the hands of a program that others wrote: it makes requests from the document, good and bad
//! ones, and holds the answers against it.

use std::process::Stdio;

use tokio::process::Command;
use trunkline_testkit::{Relay, peer};

/// What must hold of every answer. That odd headers count as absent, and that errors of JSON-RPC have status 200, is
/// how the vendor's API is; so what is *refused* is not judged.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance";

#[tokio::test]
async fn peer_schemathesis_gets_no_answer_that_the_document_does_not_tell() {
    let relay = Relay::of(env!("CARGO_BIN_EXE_trunkline")).set("POLL_HOLD_SECS", "1").start().await.unwrap();
    let url = relay.url();
    let program = peer::python().unwrap().with_file_name("schemathesis");
    let run = Command::new(&program)
        .args(["run", &format!("{url}/v1/openapi.json"), "--url", &url, "--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "30", "--seed", "1", "--no-color"])
        .current_dir(relay.folder())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = run.await.unwrap_or_else(|error| panic!("{} does not run: {error}", program.display()));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("Tested: 5"), "all addresses were asked: {told}");
}
