//! A phone without a socket: it signs in by POST and polls.

use secrecy::ExposeSecret;
use trunkline_client::Profile;

use trunkline_testkit::Answer;

use crate::visitor::Visitor;

/// One that acknowledges what it was told by its next poll.
pub(crate) struct Poller {
    visitor: Visitor,
    own: String,
    last: i64,
}

impl Poller {
    pub(crate) async fn sign_in(profile: &Profile, mut visitor: Visitor) -> Self {
        let (install, token) = (&profile.device_token, profile.token.expose_secret());
        let device = format!("X-GC-DeviceToken: {install}\r\nX-User-Agent: Android\r\n");
        let own = format!("{device}x-good-gd-authtoken: {token}\r\n");
        let begin = r#"{"jsonrpc":"2.0","id":"begin","method":"BeginSession","params":{}}"#;
        let begun = visitor.post("/GaslampService", &own, begin).await;
        let mut cookies = begun.all("set-cookie");
        assert!(begun.status == 200 && cookies.any(|cookie| cookie.starts_with("sessionId=")), "{begun:?}");
        Self { visitor, own, last: -1 }
    }

    /// What comes before the hold is over, as the text of the array.
    pub(crate) async fn poll(&mut self) -> String {
        let lines = format!("{}sequence: {}\r\n", self.own, self.last);
        let Answer { status, body, .. } = self.visitor.get("/GaslampService/notify", &lines).await;
        assert_eq!(status, 200, "{body}");
        self.last = last_sequence(&body).unwrap_or(self.last);
        body
    }

    /// Polls until it is told this.
    pub(crate) async fn poll_until(&mut self, text: &str) {
        while !self.poll().await.contains(text) {}
    }
}

/// The largest `sequence` of what a poll brought.
fn last_sequence(told: &str) -> Option<i64> {
    let numbers = told.split(r#""sequence":"#).skip(1);
    numbers.filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).max()
}
