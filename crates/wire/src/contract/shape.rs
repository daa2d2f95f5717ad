use serde_json::{Map, Value, json};

/// One member of an object: a parameter, or a part of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// As documented; parameters are read in any letter case.
    pub name: &'static str,
    /// Other names under which a parameter is understood.
    pub aliases: &'static [&'static str],
    /// Which values.
    pub shape: Shape,
    /// Whether it is always there.
    pub required: bool,
    /// What it says, for people.
    pub meaning: &'static str,
}

/// Which values a [`Member`] can have.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A text of at least and at most so many characters.
    Text(usize, usize),
    /// A whole number between these two.
    Whole(i64, i64),
    /// True or false.
    Truth,
    /// Always true; the member is absent otherwise.
    True,
    /// One of these texts.
    Words(&'static [&'static str]),
    /// One of these texts, or null.
    WordsOrNull(&'static [&'static str]),
    /// A component by its name.
    Named(&'static str),
    /// A list of at least and at most so many of a component.
    List(&'static str, usize, usize),
    /// A list of texts.
    Texts,
    /// An object whose names are addresses and whose values are this component.
    ByAddress(&'static str),
}

/// The largest number that every JSON reader holds exactly: 2^53 - 1.
pub(super) const EXACT: i64 = 9_007_199_254_740_991;

impl Member {
    pub(super) const fn must(name: &'static str, shape: Shape, meaning: &'static str) -> Self {
        Self { name, aliases: &[], shape, required: true, meaning }
    }

    pub(super) const fn may(name: &'static str, shape: Shape, meaning: &'static str) -> Self {
        Self { name, aliases: &[], shape, required: false, meaning }
    }

    pub(super) const fn or(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// The schema of its values, with what it means.
    pub fn schema(&self) -> Value {
        let mut schema = self.shape.schema();
        if self.meaning.is_empty() {
            return schema;
        }
        if let Some(members) = schema.as_object_mut().filter(|members| !members.contains_key("$ref")) {
            members.insert("description".to_owned(), self.meaning.into());
            return schema;
        }
        // Draft 7 ignores what stands beside a reference.
        json!({"allOf": [schema], "description": self.meaning})
    }
}

impl Shape {
    /// The schema alone (JSON Schema draft 7, and as well 2020-12).
    pub fn schema(self) -> Value {
        match self {
            Self::Text(least, most) => {
                let mut schema = Map::from_iter([("type".to_owned(), json!("string"))]);
                put_limit(&mut schema, "minLength", least, 0);
                put_limit(&mut schema, "maxLength", most, usize::MAX);
                schema.into()
            }
            Self::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Self::Truth => json!({"type": "boolean"}),
            Self::True => json!({"type": "boolean", "const": true}),
            Self::Words([word]) => json!({"type": "string", "const": word}),
            Self::Words(words) => json!({"type": "string", "enum": words}),
            Self::WordsOrNull(words) => {
                let all: Vec<Value> = words.iter().map(|word| json!(word)).chain([Value::Null]).collect();
                json!({"type": ["string", "null"], "enum": all})
            }
            Self::Named(name) => reference(name),
            Self::List(name, least, most) => {
                let list = json!({"type": "array", "items": reference(name)});
                let Value::Object(mut schema) = list else { return list };
                put_limit(&mut schema, "minItems", least, 0);
                put_limit(&mut schema, "maxItems", most, usize::MAX);
                schema.into()
            }
            Self::Texts => json!({"type": "array", "items": {"type": "string"}}),
            Self::ByAddress(name) => {
                json!({"type": "object", "propertyNames": reference("Address"), "additionalProperties": reference(name)})
            }
        }
    }
}

fn put_limit(schema: &mut Map<String, Value>, name: &str, limit: usize, none: usize) {
    if limit != none {
        schema.insert(name.to_owned(), limit.into());
    }
}

pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The schema of an object with these members; others may come, and readers ignore them.
pub fn object(meaning: &str, members: &[Member]) -> Value {
    let properties: Map<String, Value> =
        members.iter().map(|member| (member.name.to_owned(), member.schema())).collect();
    let required: Vec<&str> =
        members.iter().filter(|member| member.required).map(|member| member.name).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !meaning.is_empty() {
        schema["description"] = json!(meaning);
    }
    schema
}
