use super::{Description, Fault, LINE_REFUSED, NOTHING, Tag, fault};
use crate::{
    ErrorCode, Method,
    contract::{Member, Shape, shape::EXACT},
};

const TOKEN_WRONG: Fault = fault(
    ErrorCode::AuthTokenInvalid,
    "",
    "the token is unknown, replaced, revoked or expired, or the account is disabled",
);
const TOKEN_FLOOD: Fault = fault(
    ErrorCode::GeneralFailure,
    "too-many-tokens",
    "too many wrong tokens came from the same network address; this one was not looked up, try again in a minute",
);
const STATUS: &[Member] = &[Member::must("status", Shape::Words(&["success"]), "Says the same as state.")];
const TIMEOUT: &[Member] = &[Member::must(
    "sessionTimeout",
    Shape::Whole(1, EXACT),
    "Seconds of silence after which the session ends.",
)];
const TOKEN: Shape = Shape::Text(1, 16_384);

const AUTHENTICATION: Description = Description {
    tag: Tag::Session,
    details: "One phase, and no session is needed.",
    params: &[Member::may(
        "gdAuthToken",
        TOKEN,
        "The device's token; else the one of the upgrade's header. The text null counts as absent.",
    )],
    result: &[Member::must(
        "authDataType",
        Shape::Words(&["None", "Password"]),
        "Password: BeginSession must bring imPassword.",
    )],
    errors: &[TOKEN_WRONG, TOKEN_FLOOD],
    ..NOTHING
};

const BEGIN: Description = Description {
    tag: Tag::Session,
    details: "Begins the device's session or finds the one that lives. Waits for the line to the IM system, at most \
              5 s; later changes come as LineStateChanged.",
    params: &[
        Member::may(
            "gdAuthToken",
            TOKEN,
            "The device's token; else gdToken, else that of the upgrade's header.",
        ),
        Member::may("gdToken", TOKEN, "The older name of the token; looked at when gdAuthToken is missing."),
        Member::may(
            "deviceToken",
            Shape::Text(1, 255),
            "The install's stable id; needed when it is not in the upgrade's headers.",
        ),
        Member::may(
            "presence",
            Shape::Named("PresenceChoice"),
            "What others are to see. Default: available.",
        ),
        Member::may("personalMessage", Shape::Text(0, 1_000), "The note that others see; empty clears it."),
        Member::may(
            "imPassword",
            TOKEN,
            "The password on the IM system, where one is needed. Kept encrypted.",
        ),
        Member::may("platform", Shape::Text(1, 255), "iOS, Android, …"),
        Member::may("appVersion", Shape::Text(1, 255), "The app's version."),
    ],
    result: &[
        Member::must("sessionid", Shape::Named("SessionId"), "The same as sessionId."),
        Member::must("sessionId", Shape::Named("SessionId"), "Lets its bearer speak for the session."),
        Member::must("userId", Shape::Named("Address"), "Who signed in."),
        Member::must("displayName", Shape::Text(0, usize::MAX), "The person's name."),
        Member::must("deviceToken", Shape::Text(1, 255), "The install's id."),
        TIMEOUT[0],
        Member::must("serverTime", Shape::Named("Milliseconds"), "The relay's clock."),
        Member::must("lineState", Shape::Named("LineState"), "Where the line to the IM system stands."),
        Member::must("lineReason", Shape::Text(0, usize::MAX), "Why; empty when nothing is wrong."),
        Member::must("persistentChat", Shape::Truth, "Whether there are rooms."),
        Member::must("fileTransfer", Shape::Truth, "Whether files can be sent."),
        Member::must("epoch", Shape::Named("Epoch"), "The mailbox's epoch."),
        Member::must(
            "mailboxHead",
            Shape::Named("MailboxSeq"),
            "The mailbox's newest place; 0 when it is empty.",
        ),
        Member::must("apiExtensions", Shape::Texts, "Names of what Trunkline adds to the vendor's API."),
    ],
    errors: &[
        TOKEN_WRONG,
        TOKEN_FLOOD,
        fault(
            ErrorCode::OperationFailure,
            "im-password-refused",
            "the IM system refused the password; ask the person",
        ),
        fault(
            ErrorCode::OperationFailure,
            "im-password-attempts",
            "too many wrong passwords within the hour; this one was not tried",
        ),
        fault(
            ErrorCode::OperationFailure,
            "im-password-needed",
            "the IM system needs a password and none is known; ask the person",
        ),
        LINE_REFUSED,
    ],
    ..NOTHING
};

const SET_AUTH_TOKEN: Description = Description {
    tag: Tag::Session,
    details: "One phase. The token must be of the same account and device as the session.",
    params: &[Member::must("gdAuthToken", TOKEN, "The new token.")],
    errors: &[TOKEN_WRONG, TOKEN_FLOOD],
    ..NOTHING
};

const SET_TOKEN: Description = Description {
    tag: Tag::Session,
    details: "As SetGDAuthToken; the answer has a shape of its own: method and state stand also beside result, \
              status also beside data.",
    params: &[Member::must("gdToken", TOKEN, "The new token.").or(&["SetGDToken"])],
    result: STATUS,
    errors: &[TOKEN_WRONG, TOKEN_FLOOD],
    ..NOTHING
};

const SET_OAUTH: Description = Description {
    details: "As SetGDToken. OAuth 2 tokens are not known yet; those from activation are.",
    params: &[Member::must("oAuth2Token", TOKEN, "The new token.")],
    ..SET_TOKEN
};

const PING: Description =
    Description { tag: Tag::Session, details: "", early: TIMEOUT, result: TIMEOUT, errors: &[], ..NOTHING };

const BACKGROUND: Description = Description {
    tag: Tag::Session,
    details: "Sets background in later answers. The rest is kept for push, which is to come.",
    params: &[
        Member::must("isBackgroundMode", Shape::Truth, "True: to the background; false: back."),
        Member::must(
            "timeout",
            Shape::Whole(0, 4_294_967_295),
            "Seconds to stay live before pushes take over.",
        ),
        Member::may("unreadMessageCount", Shape::Whole(-EXACT, EXACT), "What the app's badge shows."),
        Member::may(
            "pushType",
            Shape::Whole(0, 4),
            "0 unknown, 1 none, 2 default, 3 sender, 4 sender and message. Any other value counts as 2.",
        ),
        Member::may("pushMaxLength", Shape::Whole(-EXACT, EXACT), "Longest payload of a push, in bytes."),
    ],
    errors: &[],
    ..NOTHING
};

const TERMINATE: Description = Description {
    tag: Tag::Session,
    details: "Says COMPLETE in both phases; then the socket closes with 1000. Waits for nobody: await first what is \
              under way.",
    errors: &[],
    ..NOTHING
};

pub(super) fn describe(method: Method) -> Description {
    match method {
        Method::GetAuthenticationInfo => AUTHENTICATION,
        Method::BeginSession => BEGIN,
        Method::SetGdAuthToken => SET_AUTH_TOKEN,
        Method::SetGdToken => SET_TOKEN,
        Method::SetOAuth2Token => SET_OAUTH,
        Method::Ping => PING,
        Method::NotifyBackground => BACKGROUND,
        Method::TerminateSession => TERMINATE,
        _ => NOTHING,
    }
}
