//! JSON as people write it in a manifest: comments, small objects on one line, commas after the last member.

use serde_json::Value;

/// Lines of one comment, and characters of one of them, at most.
const LINES: usize = 200;
const LONGEST: usize = 400;

/// A value that is written down.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// On one line.
    Line(Value),
    /// An object on one line, in this order.
    Row(Vec<(&'static str, Value)>),
    /// One member a line.
    Object(Vec<Entry>),
}

/// A member of an object.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// What stands above it, line by line.
    pub(super) comments: Vec<String>,
    pub(super) key: String,
    pub(super) value: Text,
}

impl Entry {
    pub(super) fn new(key: impl Into<String>, value: Text) -> Self {
        Self { comments: Vec::new(), key: key.into(), value }
    }

    pub(super) fn line(key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(key, Text::Line(value.into()))
    }
}

/// A file with one object.
pub(super) fn file(comments: &[String], entries: &[Entry]) -> String {
    let mut out = String::new();
    comment(comments, 0, &mut out);
    object(entries, 0, &mut out);
    out.push('\n');
    out
}

/// A file of plain JSON below comments.
pub(super) fn comments_and(comments: &[String], value: &Value) -> String {
    let mut out = String::new();
    comment(comments, 0, &mut out);
    out + &format!("{value:#}\n")
}

fn object(entries: &[Entry], depth: usize, out: &mut String) {
    if entries.is_empty() {
        out.push_str("{}");
        return;
    }
    out.push_str("{\n");
    for entry in entries {
        comment(&entry.comments, depth + 1, out);
        indent(depth + 1, out);
        out.push_str(&Value::from(entry.key.as_str()).to_string());
        out.push_str(": ");
        match &entry.value {
            Text::Line(value) => line(value, out),
            Text::Row(members) => row(members.iter().map(|(name, value)| (*name, value)), out),
            Text::Object(entries) => object(entries, depth + 1, out),
        }
        out.push_str(",\n");
    }
    indent(depth, out);
    out.push('}');
}

/// Comments are other people's words: nothing in them ends the line, or is more than a comment.
fn comment(comments: &[String], depth: usize, out: &mut String) {
    let lines: Vec<&str> =
        comments.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty()).collect();
    for text in lines.iter().take(LINES) {
        indent(depth, out);
        out.push_str("// ");
        let plain = |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
        out.extend(text.trim_end().chars().map(plain).take(LONGEST));
        out.push('\n');
    }
    if lines.len() > LINES {
        indent(depth, out);
        out.push_str(&format!("// … and {} more\n", lines.len() - LINES));
    }
}

fn indent(depth: usize, out: &mut String) {
    for _ in 0..depth {
        out.push_str("    ");
    }
}

fn line(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            row(members.iter().map(|(name, value)| (name.as_str(), value)), out);
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                line(item, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn row<'v>(members: impl Iterator<Item = (&'v str, &'v Value)>, out: &mut String) {
    for (index, (name, value)) in members.enumerate() {
        out.push_str(if index == 0 { "{ " } else { ", " });
        out.push_str(&Value::from(name).to_string());
        out.push_str(": ");
        line(value, out);
    }
    out.push_str(" }");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_comment_stays_one_whatever_is_in_it() {
        let entry = Entry {
            comments: vec!["a\rb\u{2028}c\n*/ \"x\": 1".to_owned()],
            ..Entry::line("k", json!([1, { "a": "\n" }]))
        };
        let text = file(&["top".to_owned()], &[entry]);
        assert_eq!(
            text,
            "// top\n{\n    // a b c\n    // */ \"x\": 1\n    \"k\": [1, { \"a\": \"\\n\" }],\n}\n"
        );
        assert_eq!(file(&[], &[]), "{}\n");
    }
}
