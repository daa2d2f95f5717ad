use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncRead, AsyncReadExt};

/// An answer over HTTP/1.1, as it was on the wire; its body has a `Content-Length` or is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body, undecoded.
    pub body: String,
}

impl Answer {
    /// Reads one answer, and fails when the stream ends within it; what was read of the next one is lost.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Self> {
        let mut bytes = Vec::new();
        loop {
            if let Some(answer) = whole(&bytes)? {
                return Ok(answer);
            }
            ensure!(stream.read_buf(&mut bytes).await? > 0, "the answer ended early: {bytes:?}");
        }
    }

    /// The value of the first header with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of all headers with this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }
}

/// The answer that these bytes are; `None` as long as some are missing.
fn whole(bytes: &[u8]) -> Result<Option<Answer>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let (head, body) = (std::str::from_utf8(&bytes[..end])?, &bytes[end + 4..]);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status line")?.parse()?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let mut answer = Answer { status, headers, body: String::new() };
    // What follows 101 is another protocol.
    let length = answer.header("content-length").filter(|_| status != 101).map_or(Ok(0), str::parse)?;
    if body.len() < length {
        return Ok(None);
    }
    answer.body = String::from_utf8(body[..length].to_vec())?;
    Ok(Some(answer))
}
