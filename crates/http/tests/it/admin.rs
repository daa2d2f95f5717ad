use secrecy::SecretString;

use crate::support::{Running, ask, get, post, problem};

#[tokio::test]
async fn health_tells_what_works() {
    let server = Running::start(|_| {}).await;
    assert_eq!(get(server.admin(), "/health/live", "").await.status, 200);
    let answer = get(server.admin(), "/health/ready", "").await;
    assert_eq!(answer.status, 200);
    let page: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(page["status"], "ready");
    assert_eq!(page["database"]["status"], "ok");
    let names: Vec<_> =
        page["listeners"].as_array().expect("a list").iter().map(|l| l["name"].clone()).collect();
    assert_eq!(names, ["HTTPS_BIND", "HTTP_BIND", "ADMIN_BIND"]);
    assert_eq!(get(server.http(), "/health/live", "").await.status, 404, "the phones' port knows no health");
}

#[tokio::test]
async fn metrics_are_openmetrics_and_count_requests() {
    let server = Running::start(|_| {}).await;
    get(server.http(), "/GaslampService/ws", "").await;
    get(server.http(), "/made/up/path", "").await;
    let answer = get(server.admin(), "/metrics", "").await;
    assert!(answer.header("content-type").expect("a type").starts_with("application/openmetrics-text"));
    assert!(
        answer.body.contains("trunkline_http_requests_total{route=\"ws\",status=\"426\"} 1"),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains("trunkline_http_requests_total{route=\"other\",status=\"404\"} 1"),
        "{}",
        answer.body
    );
    assert!(answer.body.ends_with("# EOF\n"));
    assert!(!answer.body.contains("made"), "a stranger's path is no label");
    assert_eq!(post(server.admin(), "/metrics", "", "").await.status, 405);
}

#[tokio::test]
async fn with_a_token_only_liveness_is_open() {
    let server =
        Running::start(|settings| settings.admin_token = Some(SecretString::from("the right one"))).await;
    assert_eq!(get(server.admin(), "/health/live", "").await.status, 200);
    for lines in [
        "",
        "Authorization: Bearer the wrong one\r\n",
        "Authorization: the right one\r\n",
        "Authorization: B\r\n",
    ] {
        for path in ["/health/ready", "/metrics", "/nothing"] {
            let answer = get(server.admin(), path, lines).await;
            assert_eq!((answer.status, problem(&answer).as_str()), (401, "unauthorized"), "{path} {lines}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    let right = "authorization: bearer the right one\r\n";
    assert_eq!(get(server.admin(), "/health/ready", right).await.status, 200);
    assert_eq!(get(server.admin(), "/metrics", right).await.status, 200);
}

#[tokio::test]
async fn a_page_that_rebound_its_name_to_the_loopback_reads_nothing() {
    let server = Running::start(|_| {}).await;
    let asked = |lines: &str| format!("GET /metrics HTTP/1.1\r\n{lines}\r\n").into_bytes();
    for host in ["rebound.evil.test", "rebound.evil.test:8443", "localhost.evil.test"] {
        let answer = ask(server.admin(), &asked(&format!("Host: {host}\r\n"))).await;
        assert_eq!((answer.status, problem(&answer).as_str()), (421, "foreign-host"), "{host}");
    }
    let page = "Host: localhost\r\nOrigin: https://evil.test\r\n";
    assert_eq!(ask(server.admin(), &asked(page)).await.status, 403);
    assert_eq!(ask(server.admin(), &asked("Host: localhost:1\r\n")).await.status, 200);
}
