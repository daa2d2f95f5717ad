use serde_json::{Map, Value, json};

use super::{
    COMMON, Description, Fault, Member, Tag, component::component_name, components, describe, describe_event,
    example_event, example_request, example_result, method::EVERYWHERE, shape::reference,
};
use crate::{EventName, Method};

/// The OpenRPC document of the Connect API; `version` is the relay's.
///
/// OpenRPC has no place for a server's notifications whose names repeat those of methods, nor for answers in two
/// phases: events stand in `x-events`, first phases in `x-phase-1`, and both have a schema among the components.
pub fn openrpc(version: &str) -> Value {
    let methods: Vec<Value> = Method::ALL.iter().map(|&method| method_object(method)).collect();
    let events: Vec<Value> = EventName::ALL.iter().map(|&event| event_object(event)).collect();
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "Connect API",
            "version": version,
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "methods": methods,
        "components": {"schemas": components()},
        "x-events": events,
        "x-errors": COMMON.iter().map(error_object).collect::<Vec<_>>(),
    })
}

const INTRODUCTION: &str = "What phones speak with the relay, as JSON-RPC 2.0: over WebSocket at /GaslampService/ws, \
one JSON text in a text frame. `params` is an object; names of methods and parameters are read in any letter case. A \
method is answered in two phases unless its x-phases says 1: at once with PROCESSING (x-phase-1), later with the result \
under the same id and a `sequence`. Results and events stand in `result.data`. Events come unasked, in frames whose id \
is S and a number; they are listed in x-events. Errors that any method may give are listed in x-errors and not \
repeated. docs/connect-api.md tells the rest: sign-in, replay, acknowledgement.";

fn method_object(method: Method) -> Value {
    let description = describe(method);
    let params: Vec<Value> = description.params.iter().chain(EVERYWHERE).map(param_object).collect();
    let mut all = json!({
        "name": method.name(),
        "summary": method.meaning(),
        "tags": [{"name": description.tag.name()}],
        "paramStructure": "by-name",
        "params": params,
        "errors": description.errors.iter().map(error_object).collect::<Vec<_>>(),
        "x-phases": if method.one_phase() || method.unsupported() { 1 } else { 2 },
        "x-needs-session": method.needs_session(),
        "result": result_object(method, &description),
    });
    if !description.details.is_empty() {
        all["description"] = json!(description.details);
    }
    if let [_, aliases @ ..] = method.names()
        && !aliases.is_empty()
    {
        all["x-aliases"] = json!(aliases);
    }
    if let Some((early, late)) = example_result(method) {
        all["examples"] = json!([example_object(method, &late)]);
        if let Some(early) = early {
            let schema = reference(&format!("{}Early", component_name(method.name())));
            all["x-phase-1"] = json!({"schema": schema, "example": {"data": early}});
        }
    }
    all
}

fn param_object(param: &Member) -> Value {
    let mut all = json!({"name": param.name, "required": param.required, "schema": param.shape.schema()});
    if !param.meaning.is_empty() {
        all["description"] = json!(param.meaning);
    }
    if !param.aliases.is_empty() {
        all["x-aliases"] = json!(param.aliases);
    }
    all
}

/// The whole `result`: what is told stands in its `data`.
fn result_object(method: Method, description: &Description) -> Value {
    if description.tag == Tag::Absent {
        return json!({"name": "nothing", "description": "There is always an error.", "schema": {"type": "null"}});
    }
    let data = reference(&format!("{}Result", component_name(method.name())));
    let mut properties = Map::from_iter([("data".to_owned(), data)]);
    if crate::response::odd_shape(method.name()) {
        properties.insert("status".to_owned(), json!({"type": "string", "const": "success"}));
    }
    let name = format!("{}Result", component_name(method.name()));
    json!({"name": name, "schema": {"type": "object", "required": ["data"], "properties": properties}})
}

fn error_object(fault: &Fault) -> Value {
    let mut data = json!({"when": fault.when});
    if !fault.word.is_empty() {
        data["word"] = json!(fault.word);
    }
    json!({"code": fault.code.number(), "message": fault.code.name(), "data": data})
}

fn example_object(method: Method, data: &Value) -> Value {
    let request = example_request(method);
    let params: Vec<Value> = request
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let mut result = json!({"data": data});
    if crate::response::odd_shape(method.name()) {
        result["status"] = json!("success");
    }
    json!({"name": method.name(), "params": params, "result": {"name": "result", "value": result}})
}

fn event_object(event: EventName) -> Value {
    let description = describe_event(event);
    let data = example_event(event).and_then(|data| serde_json::from_str::<Value>(data.as_str()).ok());
    let mut all = json!({
        "name": event.name(),
        "summary": event.meaning(),
        "durable": event.durable(),
        "data": {"schema": reference(&format!("{}Event", component_name(event.name()))), "example": data},
    });
    if !description.details.is_empty() {
        all["description"] = json!(description.details);
    }
    all
}
