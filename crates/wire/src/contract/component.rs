use serde_json::{Map, Value, json};
use trunkline_model::Availability;

use super::{
    Member, Shape, describe, describe_event,
    event::DURABLE,
    method::EVERYWHERE,
    object,
    shape::{EXACT, reference},
};
use crate::{ErrorCode, EventName, Method};

const TEXT: Shape = Shape::Text(0, usize::MAX);

const CONTACT: &[Member] = &[
    Member::must("displayName", TEXT, "The name to show; the address's first part when none is known."),
    Member::must("groups", Shape::List("Group", 0, usize::MAX), "The roster groups that hold the contact."),
    Member::must("personalMessage", TEXT, "The note that the person wrote."),
    Member::must(
        "availability",
        Shape::Words(&["3500", "6500", "9500", "12500", "15500", "18500"]),
        "The presence as a number, in a text.",
    ),
    Member::must("presence", Shape::Named("Presence"), ""),
    Member::must("title", TEXT, ""),
    Member::must("type", Shape::Words(&["user", "unknown"]), "unknown: nothing but the address is known."),
    Member::must("uri", Shape::Named("Address"), ""),
    Member::must("contactId", Shape::Named("Address"), ""),
    Member::must(
        "photoHash",
        TEXT,
        "Changes with the photo. Empty: no photo. PENDING: it was not fetched yet; a ContactUpdate follows for those in \
         the roster, and GetContactPhotos fetches it at once.",
    ),
    Member::must("numDevices", TEXT, "Endpoints signed in: a number, in a text."),
    Member::must("mobilePhone", TEXT, ""),
    Member::must("workPhone", TEXT, ""),
    Member::must("homePhone", TEXT, "Always empty."),
    Member::must(
        "blocked",
        Shape::Words(&["true", "false"]),
        "Blocked by the account, or muted in this session.",
    ),
    Member::must("email", TEXT, ""),
    Member::must("firstName", TEXT, "Always empty."),
    Member::must("lastName", TEXT, "Always empty."),
    Member::must("company", TEXT, ""),
    Member::must("department", TEXT, ""),
    Member::must("office", TEXT, ""),
];

const GROUP: &[Member] = &[
    Member::must("id", Shape::Named("GroupId"), ""),
    Member::must("name", Shape::Text(1, usize::MAX), "What the person called it."),
];

const PHOTO: &[Member] = &[
    Member::must("uri", Shape::Named("Address"), ""),
    Member::must("contactId", Shape::Named("Address"), ""),
    Member::must("photoHash", TEXT, "As in the contact record. PENDING: it could not be fetched now."),
    Member::must(
        "photo",
        TEXT,
        "JPEG or PNG in Base64; empty without a photo, and where the answer has no room.",
    ),
];

const DEVICE: &[Member] = &[
    Member::must("deviceId", Shape::Named("Guid"), ""),
    Member::must("name", TEXT, "What the person called it."),
    Member::must("platform", TEXT, ""),
    Member::must("appVersion", TEXT, ""),
    Member::must("lastSeen", Shape::Named("Milliseconds"), "When it was last heard."),
    Member::must("thisDevice", Shape::Truth, "The device that asks."),
    Member::must("connected", Shape::Truth, "It has a socket now."),
    Member::must(
        "acknowledgedSeq",
        Shape::Named("MailboxSeq"),
        "The place in the mailbox up to which it has acknowledged.",
    ),
    Member::must(
        "seenSeq",
        Shape::Named("MailboxSeq"),
        "The place up to which entries have reached its socket, by acknowledgement or by the echo of a Ping.",
    ),
];

/// The schemas that both documents share, by name: JSON Schema of draft 7, and as well 2020-12.
pub fn components() -> Map<String, Value> {
    let mut all = scalars();
    all.insert("Contact".into(), object("A person, as one session is to see them. Every scalar is a text, and what is not known is an empty one.", CONTACT));
    all.insert("Group".into(), object("A roster group.", GROUP));
    all.insert("Photo".into(), object("A person's photo.", PHOTO));
    all.insert("Device".into(), object("A device of the account.", DEVICE));
    for &method in Method::ALL.iter().filter(|method| !method.unsupported()) {
        let (request, early, result) = method_schemas(method);
        let name = component_name(method.name());
        all.insert(format!("{name}Params"), request);
        all.extend(early.map(|early| (format!("{name}Early"), early)));
        all.insert(format!("{name}Result"), result);
    }
    for &event in EventName::ALL {
        all.insert(format!("{}Event", component_name(event.name())), event_schema(event));
    }
    let of = |fits: fn(&EventName) -> bool| -> Vec<Value> {
        let events = EventName::ALL.iter().copied().filter(fits);
        events.map(|event| reference(&format!("{}Event", component_name(event.name())))).collect()
    };
    all.insert(
        "MailboxEntry".into(),
        json!({"description": "A durable event.", "anyOf": of(|event| event.durable())}),
    );
    all.insert("Event".into(), json!({"description": "Something unasked.", "anyOf": of(|_| true)}));
    all.extend(frames());
    all
}

/// A name of the wire as a part of a component's name: `mailbox.Sync` is `MailboxSync`.
pub fn component_name(name: &str) -> String {
    name.split('.')
        .map(|part| {
            let mut letters = part.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().chain(letters).collect::<String>())
                .unwrap_or_default()
        })
        .collect()
}

fn scalars() -> Map<String, Value> {
    let whole = |least: i64, meaning: &str| json!({"type": "integer", "minimum": least, "maximum": EXACT, "description": meaning});
    let names: Vec<&str> = Availability::ALL.iter().map(|one| one.name()).collect();
    let choices: Vec<&str> = names.iter().copied().chain(["appearoffline", "reset"]).collect();
    let all = json!({
        "Address": {"type": "string", "minLength": 3, "maxLength": 2048, "pattern": "^\\s*([A-Za-z]+:)?[^@\\s]+@[^@\\s]+\\s*$", "description": "A person's address. Sent as sip: in lower case; read with or without sip:, sips:, im: or xmpp:, in any letter case."},
        "Guid": {"type": "string", "format": "uuid", "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
        "Target": {"anyOf": [reference("Address"), reference("Guid")]},
        "SessionId": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "GroupId": {"type": "string", "pattern": "^-?[0-9]{1,18}$", "description": "A roster group's number, as a text."},
        "Milliseconds": whole(0, "Milliseconds since 1970 UTC."),
        "MailboxSeq": whole(0, "A place in the account's mailbox: 1, 2, 3, … for ever, the same on all devices."),
        "Epoch": whole(1, "A life of the relay's database; changes only when a backup is restored."),
        "Presence": {"type": "string", "enum": names, "description": "How reachable a person is."},
        "PresenceChoice": {"type": "string", "enum": choices, "description": "What others are to see; reset forgets the choice. Read in any letter case."},
        "LineState": {"type": "string", "enum": ["connecting", "connected", "password-refused", "refused", "closed"], "description": "Where the account's sign-in on its IM system stands."},
    });
    match all {
        Value::Object(all) => all,
        _ => Map::new(),
    }
}

fn method_schemas(method: Method) -> (Value, Option<Value>, Value) {
    let description = describe(method);
    let params: Vec<Member> = description.params.iter().chain(EVERYWHERE).copied().collect();
    let name = method.name();
    let early = (!method.one_phase()).then(|| {
        let state = if method == Method::TerminateSession { "COMPLETE" } else { "PROCESSING" };
        answer(&format!("The first phase of {name}."), description.early, state)
    });
    let result = answer(&format!("What {name} gives."), description.result, "COMPLETE");
    (object(&format!("What {name} takes. Names are read in any letter case."), &params), early, result)
}

fn answer(meaning: &str, members: &[Member], state: &'static str) -> Value {
    let words: &'static [&'static str] = if state == "COMPLETE" { &["COMPLETE"] } else { &["PROCESSING"] };
    let all: Vec<Member> = members
        .iter()
        .copied()
        .chain([
            Member::must("method", TEXT, "The method's name as it was called."),
            Member::must("state", Shape::Words(words), ""),
        ])
        .collect();
    object(meaning, &all)
}

fn event_schema(event: EventName) -> Value {
    let description = describe_event(event);
    let durable: &[Member] = if event.durable() { DURABLE } else { &[] };
    let all: Vec<Member> = description.members.iter().chain(durable).copied().collect();
    let mut schema = object(event.meaning(), &all);
    schema["properties"]["method"] = json!({"type": "string", "const": event.name()});
    schema["required"] =
        schema["required"].as_array().into_iter().flatten().cloned().chain([json!("method")]).collect();
    schema
}

/// The envelopes.
fn frames() -> Map<String, Value> {
    let codes: Vec<i64> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
    let names: std::collections::BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
    let inner = json!({"type": "string", "minLength": 1, "description": "What was wrong, in plain words; a stable word and a colon may lead."});
    let data = json!({"type": "object", "required": ["innerError"], "properties": {"method": {"type": "string"}, "innerError": inner}});
    let version = json!({"type": "string", "const": "2.0"});
    let id = json!({"type": ["string", "number"], "description": "Echoed byte for byte; at most 255 bytes, by custom c1, c2, …"});
    let sequence = json!({"type": "integer", "minimum": 0, "maximum": EXACT, "description": "Counts all that the session is told; rises, with gaps."});
    let early_id = json!({"type": ["string", "number", "null"], "description": "Null when the request's id could not be read."});
    let error = json!({"anyOf": [{"type": "null"}, reference("Error")]});
    let background = json!({"type": "boolean", "description": "The session's background flag."});
    let result = json!({"anyOf": [{"type": "null"}, {"type": "object", "required": ["data"], "properties": {"data": {"type": "object"}, "status": {"type": "string"}}}]});
    let event = json!({"type": "object", "required": ["data"], "properties": {"data": reference("Event")}});
    let all = json!({
        "Error": {"type": "object", "required": ["code", "message", "name", "innerError", "data"], "properties": {
            "code": {"type": "integer", "enum": codes}, "message": {"type": "string", "enum": names}, "name": {"type": "string", "enum": names}, "innerError": inner, "data": data}},
        "Request": {"type": "object", "required": ["jsonrpc", "id", "method"], "properties": {
            "jsonrpc": version, "id": id, "method": {"type": "string"}, "params": {"type": ["object", "null"]}}},
        "EarlyFrame": {"description": "The first phase, or the only one.", "type": "object", "required": ["id", "error", "result", "jsonrpc", "background"], "properties": {
            "id": early_id, "error": error, "result": result, "jsonrpc": version, "background": background,
            "method": {"type": "string"}, "state": {"type": "string"}}},
        "LateFrame": {"description": "The second phase.", "type": "object", "required": ["id", "sequence", "result", "jsonrpc"], "properties": {
            "id": id, "sequence": sequence, "error": reference("Error"), "result": result, "jsonrpc": version}},
        "EventFrame": {"description": "Something unasked.", "type": "object", "required": ["id", "sequence", "error", "result", "jsonrpc"], "properties": {
            "id": {"type": "string", "pattern": "^S[0-9]+$"}, "sequence": sequence, "error": {"type": "null"}, "result": event, "jsonrpc": version}},
        "Frame": {"description": "Anything that the relay tells a phone.", "anyOf": [reference("EarlyFrame"), reference("LateFrame"), reference("EventFrame")]},
    });
    match all {
        Value::Object(all) => all,
        _ => Map::new(),
    }
}

/// The same schema with every described object closed against members that are not described: for tests.
pub fn closed(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let mut all: Map<String, Value> =
                members.iter().map(|(name, value)| (name.clone(), closed(value))).collect();
            let describes = all.get("type").is_some_and(|kind| kind == "object")
                && all.get("properties").is_some_and(Value::is_object);
            if describes && !all.contains_key("additionalProperties") {
                all.insert("additionalProperties".to_owned(), false.into());
            }
            all.into()
        }
        Value::Array(values) => values.iter().map(closed).collect(),
        other => other.clone(),
    }
}
