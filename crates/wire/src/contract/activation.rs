use serde_json::{Map, Value, json};

use super::{Member, Shape, object};

const NAME: Shape = Shape::Text(0, 255);
const NEEDED: Shape = Shape::Text(1, 255);
const TEXT: Shape = Shape::Text(0, usize::MAX);

/// What `POST /v1/activation` takes.
pub const ACTIVATION_REQUEST: &[Member] = &[
    Member::must("address", NEEDED, "The account's address, with or without sip:. Not only spaces."),
    Member::must(
        "accessKey",
        NEEDED,
        "The access key; letter case, hyphens and spaces do not matter. Good once, until it expires.",
    ),
    Member::must("deviceToken", NEEDED, "The install's own id, made once and kept. Not only spaces."),
    Member::may("platform", NAME, "iOS, Android, …"),
    Member::may("name", NAME, "What the person calls the device."),
    Member::may("appVersion", NAME, "The app's version."),
    Member::may("locale", NAME, "The person's language."),
];

/// What it gives.
pub const ACTIVATION_REPLY: &[Member] = &[
    Member::must(
        "authToken",
        Shape::Text(1, usize::MAX),
        "The device's token, for gdAuthToken. Shown this once; bound to the install.",
    ),
    Member::must("deviceId", Shape::Named("Guid"), "The device."),
    Member::must("account", Shape::Named("ActivatedAccount"), "Whose device it is now."),
];

const ACCOUNT: &[Member] = &[
    Member::must("address", Shape::Named("Address"), "The account's address."),
    Member::must("displayName", TEXT, "The person's name."),
];

const PROBLEM: &[Member] = &[
    Member::must("type", Shape::Text(1, usize::MAX), "A URI for the kind."),
    Member::must("title", Shape::Text(1, usize::MAX), "The kind in a few words."),
    Member::must("status", Shape::Whole(400, 599), "The HTTP status."),
    Member::must(
        "detail",
        Shape::Text(1, usize::MAX),
        "What was wrong this time, and what to do; for people.",
    ),
    Member::must("code", Shape::Text(1, 64), "A stable word for programs."),
];

/// The schemas of activation and of problem documents, by name; they refer to those of [`super::components`].
pub fn activation_components() -> Map<String, Value> {
    let all = [
        ("ActivationRequest", "An access key for a token.", ACTIVATION_REQUEST),
        ("ActivationReply", "A device's token.", ACTIVATION_REPLY),
        ("ActivatedAccount", "The account of a device.", ACCOUNT),
        ("Problem", "What went wrong (RFC 9457).", PROBLEM),
    ];
    all.into_iter().map(|(name, meaning, members)| (name.to_owned(), object(meaning, members))).collect()
}

/// A body that a phone may send to `/v1/activation`.
pub fn example_activation() -> Value {
    json!({
        "address": "mira@example.test", "accessKey": "R7MKQ-4XWTB-9HNDC", "deviceToken": "e20c91f7b6a4d583",
        "platform": "Android", "name": "Mira's phone", "appVersion": "1.4.0", "locale": "en-GB",
    })
}

/// What the relay answers to [`example_activation`].
pub fn example_activated() -> Value {
    json!({
        "authToken": "tl1.lJoka4uc0uYbvTUSNXUgNvGB24fwMbdArhoqnzlTvEs",
        "deviceId": "019abaab-7470-7c11-9a52-0f6d3be8c274",
        "account": {"address": "sip:mira@example.test", "displayName": "Mira Okafor"},
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ACTIVATION_REQUEST, example_activated, example_activation};
    use crate::{
        activation::{ActivationReply, ActivationRequest},
        contract::Shape,
    };

    fn taken(body: &Value) -> bool {
        serde_json::from_value::<ActivationRequest>(body.clone()).is_ok_and(|request| request.check().is_ok())
    }

    #[test]
    fn activation_is_described_as_it_is_read_and_printed() {
        let example = example_activation();
        assert!(taken(&example));
        let printed =
            serde_json::to_value(serde_json::from_value::<ActivationRequest>(example.clone()).unwrap());
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let mut told: Vec<_> = ACTIVATION_REQUEST.iter().map(|member| member.name.to_owned()).collect();
        told.sort();
        assert_eq!(names(&printed.unwrap()), told);
        for member in ACTIVATION_REQUEST {
            let Shape::Text(_, most) = member.shape else { panic!("{}", member.name) };
            let mut body = example.clone();
            for (value, fits) in [
                (json!("x".repeat(most)), true),
                (json!("x".repeat(most + 1)), false),
                (json!(""), !member.required),
                (json!(7), false),
            ] {
                body[member.name] = value;
                assert_eq!(taken(&body), fits, "{body}");
            }
            body.as_object_mut().unwrap().remove(member.name);
            assert_eq!(taken(&body), !member.required, "{body}");
        }
        let reply: ActivationReply = serde_json::from_value(example_activated()).unwrap();
        assert_eq!(serde_json::to_value(reply).unwrap(), example_activated());
    }
}
