//! A document as a page of HTML: no script, so that nothing runs in a browser that could be attacked.

use serde_json::{Map, Value};
use std::fmt;

/// Renders a service's document. What it does not know, it leaves out.
pub fn of(json: &str) -> String {
    serde_json::from_str::<Value>(json).map(|document| Page(&document).to_string()).unwrap_or_default()
}

struct Page<'a>(&'a Value);

/// A text, escaped; what is between two backticks is code.
struct Text<'a>(&'a Value);

/// JSON over several lines, escaped.
struct Json<'a>(&'a Value);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = &self.0["info"];
        let title = Text(&info["title"]);
        write!(
            f,
            r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/docs/style.css">
<header><h1>{title} <small>{}</small></h1><p>{}</p><p>OpenAPI: <a href="/openapi.json">/openapi.json</a></p></header>"#,
            Text(&info["version"]),
            Text(&info["description"])
        )?;
        f.write_str("<nav>")?;
        for tag in list(&self.0["tags"]) {
            write!(f, "<h2>{}</h2><ul>", Text(&tag["name"]))?;
            for (path, method, operation) in self.operations(tag) {
                write!(
                    f,
                    r##"<li><a href="#{}">{} {}</a>"##,
                    Text(&operation["operationId"]),
                    verb(method),
                    escaped(path)
                )?;
            }
            f.write_str("</ul>")?;
        }
        f.write_str("</nav><main>")?;
        for tag in list(&self.0["tags"]) {
            write!(f, "<h2>{}</h2><p>{}</p>", Text(&tag["name"]), Text(&tag["description"]))?;
            for (path, method, operation) in self.operations(tag) {
                self.operation(f, path, method, operation)?;
            }
        }
        f.write_str("<h2>schemas</h2>")?;
        for (name, schema) in members(&self.0["components"]["schemas"]) {
            let name = escaped(name);
            write!(f, r#"<section id="schema-{name}"><h3>{name}</h3>"#)?;
            self.schema(f, schema)?;
            f.write_str("</section>")?;
        }
        f.write_str("</main></html>")
    }
}

impl<'a> Page<'a> {
    fn operations(&self, tag: &'a Value) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> + use<'a> {
        let paths = members(&self.0["paths"]);
        let all =
            paths.flat_map(|(path, item)| members(item).map(move |(method, operation)| (path, method, operation)));
        all.filter(|(_, _, operation)| operation["tags"][0] == tag["name"])
    }

    fn operation(&self, f: &mut fmt::Formatter<'_>, path: &str, method: &str, operation: &Value) -> fmt::Result {
        let (id, summary) = (Text(&operation["operationId"]), Text(&operation["summary"]));
        write!(f, r#"<section id="{id}"><h3>{} <code>{}</code></h3>"#, verb(method), escaped(path))?;
        write!(f, "<p><b>{summary}</b></p><p>{}</p>", Text(&operation["description"]))?;
        let needed = list(&operation["security"]).iter().map(|all| match members(all).collect::<Vec<_>>().as_slice() {
            [] => "nothing".to_owned(),
            some => {
                some.iter().map(|(name, _)| format!("<code>{}</code>", escaped(name))).collect::<Vec<_>>().join(" and ")
            }
        });
        let needed = needed.collect::<Vec<_>>().join(", or ");
        write!(f, "<p>Needs {}.</p>", if needed.is_empty() { "no credentials" } else { &needed })?;
        if !list(&operation["parameters"]).is_empty() {
            f.write_str("<table>")?;
            for parameter in list(&operation["parameters"]) {
                let (name, place) = (Text(&parameter["name"]), Text(&parameter["in"]));
                write!(f, "<tr><th>{name} <small>{place}</small><td>{}", Text(&parameter["description"]))?;
                write!(f, "<br><small>{}</small>", limits(&parameter["schema"]))?;
            }
            f.write_str("</table>")?;
        }
        for (kind, content) in members(&operation["requestBody"]["content"]) {
            write!(f, "<h4>Body: {}</h4>", escaped(kind))?;
            self.schema(f, &content["schema"])?;
        }
        f.write_str("<h4>Answers</h4>")?;
        for (status, answer) in members(&operation["responses"]) {
            let answer = self.resolved(answer);
            let class = if status.starts_with('2') { "good" } else { "bad" };
            write!(
                f,
                r#"<details><summary><b class="{class}">{status}</b> {}</summary>"#,
                Text(&answer["description"])
            )?;
            for (name, header) in members(&answer["headers"]) {
                write!(f, "<p><code>{}</code>: {}</p>", escaped(name), Text(&header["description"]))?;
            }
            for (kind, content) in members(&answer["content"]) {
                write!(f, "<p><small>{}</small></p>", escaped(kind))?;
                if members(&content["examples"]).next().is_none() {
                    self.schema(f, &content["schema"])?;
                }
                for (_, example) in members(&content["examples"]) {
                    write!(f, "<pre>{}</pre>", Json(&example["value"]))?;
                }
            }
            f.write_str("</details>")?;
        }
        f.write_str("</section>")
    }

    fn resolved<'b>(&'b self, value: &'b Value) -> &'b Value {
        value["$ref"].as_str().and_then(|place| self.0.pointer(place.strip_prefix('#')?)).unwrap_or(value)
    }

    /// The members of an object, or the limits of anything else.
    fn schema(&self, f: &mut fmt::Formatter<'_>, schema: &Value) -> fmt::Result {
        if let Some(name) = referred(schema) {
            write!(f, "<p>{}</p>", link(name))?;
        }
        let schema = self.resolved(schema);
        for part in list(&schema["allOf"]) {
            self.schema(f, part)?;
        }
        let required = list(&schema["required"]);
        if schema["properties"].is_null() {
            write!(f, "<p>{}</p>", limits(schema))?;
        } else {
            f.write_str("<table>")?;
            for (name, member) in members(&schema["properties"]) {
                let optional = if required.iter().any(|other| other == name) { "" } else { "<small>optional</small>" };
                write!(f, "<tr><th>{} {optional}<td>{}", escaped(name), Text(&member["description"]))?;
                write!(f, " <small>{}</small>", limits(member))?;
            }
            f.write_str("</table>")?;
        }
        if schema["example"].is_null() { Ok(()) } else { write!(f, "<pre>{}</pre>", Json(&schema["example"])) }
    }
}

/// Everything that a schema says about a value except its description, in one line; references lead to the schema.
fn limits(schema: &Value) -> String {
    if let Some(name) = referred(schema) {
        return link(name);
    }
    let known = ["type", "description", "example", "items", "allOf", "properties", "required"];
    let items = schema.get("items").map(|items| format!("of {}", limits(items)));
    let others = members(schema).filter(|(name, _)| !known.contains(name));
    let others = others.map(|(name, value)| format!("{} {}", escaped(name), escaped(&words(value))));
    let kind = schema.get("type").map(|kind| escaped(&words(kind)));
    kind.into_iter().chain(items).chain(others).collect::<Vec<_>>().join(", ")
}

fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

fn link(name: &str) -> String {
    let name = escaped(name);
    format!(r##"<a href="#schema-{name}">{name}</a>"##)
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(words).collect::<Vec<_>>().join(" | "),
        other => other.to_string(),
    }
}

fn verb(method: &str) -> String {
    format!(r#"<b class="verb {0}">{0}</b>"#, escaped(method))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.as_str().unwrap_or_default().split('`').enumerate() {
            let part = escaped(part);
            if index % 2 == 1 { write!(f, "<code>{part}</code>")? } else { f.write_str(&part)? }
        }
        Ok(())
    }
}

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(&serde_json::to_string_pretty(self.0).unwrap_or_default()))
    }
}
