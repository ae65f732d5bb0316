//! Two operations that are one to OpenAPI: templates that differ only in a pattern (`{id:[0-9]+}` and `{name}`) share
//! path and method, and a document may say that pair once. The one operation then takes and answers what either does.

use serde_json::{Map, Value, json};

/// The operation that says what either of the two does; what only one needs is optional.
pub(crate) fn merge(first: Value, second: Value) -> Value {
    let (Value::Object(mut one), Value::Object(other)) = (first, second) else {
        return Value::Null;
    };
    // By default an operation is open to all.
    let open = json!([{}]);
    let security = (one.get("security").cloned(), other.get("security").cloned());
    let both_deprecated = one.contains_key("deprecated") && other.contains_key("deprecated");
    let mut names = one.remove("x-ketch-operations").unwrap_or_else(|| json!([one["operationId"]]));
    append(&mut names, &json!([other["operationId"]]));
    one.insert("x-ketch-operations".to_owned(), names);
    for (key, separator) in [("summary", " Or: "), ("description", "\n\n")] {
        let texts = [one.get(key), other.get(key)].into_iter().flatten().filter_map(Value::as_str);
        let text = texts.collect::<Vec<_>>().join(separator);
        if !text.is_empty() {
            one.insert(key.to_owned(), text.into());
        }
    }
    if let (Some(tags), Some(more)) = (one.get_mut("tags"), other.get("tags")) {
        append(tags, more);
    }
    let parameters = merge_parameters(one.remove("parameters"), other.get("parameters"));
    if !parameters.is_empty() {
        one.insert("parameters".to_owned(), parameters.into());
    }
    if let Some(body) = merge_bodies(one.remove("requestBody"), other.get("requestBody")) {
        one.insert("requestBody".to_owned(), body);
    }
    if security != (None, None) {
        let mut requirements = security.0.unwrap_or_else(|| open.clone());
        append(&mut requirements, &security.1.unwrap_or(open));
        one.insert("security".to_owned(), requirements);
    }
    if !both_deprecated {
        one.remove("deprecated");
    }
    if let (Some(Value::Object(responses)), Some(Value::Object(more))) =
        (one.get_mut("responses"), other.get("responses"))
    {
        merge_responses(responses, more);
    }
    one.into()
}

/// Adds the content of a response or body: for a media type that is there already, either schema holds.
pub(crate) fn merge_content(holder: &mut Value, more: &Value) {
    let Some(more) = more.as_object() else { return };
    if holder.get("content").is_none() {
        holder["content"] = json!({});
    }
    for (media_type, media) in more {
        match holder["content"].get_mut(media_type) {
            None => holder["content"][media_type] = media.clone(),
            Some(there) => there["schema"] = either(&there["schema"], &media["schema"]),
        }
    }
}

/// A schema that holds where one of the two does.
fn either(one: &Value, other: &Value) -> Value {
    if one == other {
        return one.clone();
    }
    let is_choice =
        one.as_object().is_some_and(|members| members.len() == 1 && members.contains_key("anyOf"));
    let mut options = if is_choice { one["anyOf"].clone() } else { json!([one]) };
    append(&mut options, &json!([other]));
    json!({ "anyOf": options })
}

/// Adds the items that are not there yet.
fn append(list: &mut Value, more: &Value) {
    let (Some(list), Some(more)) = (list.as_array_mut(), more.as_array()) else { return };
    for item in more {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
}

fn merge_parameters(one: Option<Value>, other: Option<&Value>) -> Vec<Value> {
    let list = |value: Option<Value>| value.and_then(|value| value.as_array().cloned()).unwrap_or_default();
    let (mut all, mut rest) = (list(one), list(other.cloned()));
    let same = |a: &Value, b: &Value| a["name"] == b["name"] && a["in"] == b["in"];
    for parameter in &mut all {
        match rest.iter().position(|other| same(parameter, other)) {
            Some(index) => {
                let other = rest.remove(index);
                match (parameter.get("schema"), other.get("schema")) {
                    (Some(one), Some(two)) => parameter["schema"] = either(one, two),
                    // What one of them reads otherwise is said as text that is neither's.
                    _ => {
                        parameter.as_object_mut().map(|members| members.remove("content"));
                        parameter["schema"] = json!({});
                    }
                }
                parameter["required"] = json!(parameter["required"] == true && other["required"] == true);
                if other.get("x-ketch-catch-all").is_some() {
                    parameter["x-ketch-catch-all"] = json!(true);
                }
            }
            None => make_optional(parameter),
        }
    }
    rest.iter_mut().for_each(make_optional);
    all.append(&mut rest);
    all
}

/// Only one of the two operations needs it. Parameters of the path are in both.
fn make_optional(parameter: &mut Value) {
    if parameter["in"] != "path" {
        parameter["required"] = json!(false);
    }
}

fn merge_bodies(one: Option<Value>, other: Option<&Value>) -> Option<Value> {
    let (one, other) = match (one, other) {
        (None, None) => return None,
        (Some(mut only), None) => {
            only["required"] = json!(false);
            return Some(only);
        }
        (None, Some(only)) => return merge_bodies(Some(only.clone()), None),
        (Some(one), Some(other)) => (one, other),
    };
    let mut body = one;
    body["required"] = json!(body["required"] == true && other["required"] == true);
    merge_content(&mut body, &other["content"]);
    Some(body)
}

fn merge_responses(all: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (status, response) in more {
        let Some(there) = all.get_mut(status) else {
            all.insert(status.clone(), response.clone());
            continue;
        };
        if there == response || there.get("$ref").is_some() {
            continue;
        }
        if let (Some(text), Some(other)) = (there["description"].as_str(), response["description"].as_str())
            && text != other
        {
            there["description"] = json!(format!("{text} Or: {other}"));
        }
        if let Some(content) = response.get("content") {
            merge_content(there, content);
        }
        for key in ["headers", "x-ketch-errors"] {
            match (there.get_mut(key), response.get(key)) {
                (None, Some(new)) => there[key] = new.clone(),
                (Some(Value::Object(there)), Some(Value::Object(new))) => {
                    for (name, header) in new {
                        there.entry(name.clone()).or_insert_with(|| header.clone());
                    }
                }
                (Some(there), Some(new)) => append(there, new),
                (_, None) => {}
            }
        }
    }
}
