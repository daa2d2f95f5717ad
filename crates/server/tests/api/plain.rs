//! HTTP written by hand, for what a client library would not send.

use tokio::{io::AsyncWriteExt, net::TcpStream};
use trunkline_testkit::patience;

pub(crate) use trunkline_testkit::Answer;

/// Sends this and reads one answer.
pub(crate) async fn exchange(address: &str, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let answer = tokio::time::timeout(patience(), Answer::read(&mut stream)).await.unwrap().unwrap();
    crate::contract::check_http(request, &answer);
    answer
}

/// `POST` with a JSON body.
pub(crate) async fn post(address: &str, path: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         {headers}Connection: close\r\n\r\n{body}"
    );
    exchange(address, request.as_bytes()).await
}
