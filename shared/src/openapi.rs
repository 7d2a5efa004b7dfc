//! The OpenAPI document, made from the commands' declarations.

use crate::command::*;
use crate::command::{Body, Command, Echo, Echoed, Route};
use crate::error::Problem;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The OpenAPI 3.1 document of this version.
pub fn document() -> Value {
    let mut document = Document {
        generator: SchemaSettings::draft2020_12()
            .with(|settings| settings.definitions_path = "/components/schemas".into())
            .into_generator(),
        paths: Map::new(),
    };
    macro_rules! add {
        ($($command:ident,)*) => { $(document.add::<$command>();)* };
    }
    crate::for_each_command!(add);
    document.add_echo();
    document.finish()
}

struct Document {
    generator: SchemaGenerator,
    paths: Map<String, Value>,
}

impl Document {
    fn add<C: Command>(&mut self) {
        let route = C::ROUTE;
        let mut operation = json!({
            "operationId": C::NAME,
            "summary": C::ABOUT,
            "responses": { route.status.to_string(): self.reply::<C>(&route), "default": self.problem() },
        });
        let schema = self.inline::<C>();
        let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut parameters = Vec::new();
        let mut fields = Map::new();
        for (name, schema) in properties {
            let in_path = route.path_fields().any(|field| field == name);
            if name == "if_match" {
                parameters.push(json!({ "name": "If-Match", "in": "header", "schema": { "type": "string" } }));
            } else if in_path || route.body == Body::Query {
                let place = if in_path { "path" } else { "query" };
                parameters.push(json!({ "name": name, "in": place, "required": in_path, "schema": schema }));
            } else {
                fields.insert(name, schema);
            }
        }
        let body = match route.body {
            Body::Query => None,
            Body::Whole(field) => Some(fields.remove(field).unwrap_or_default()),
            Body::Fields if fields.is_empty() => None,
            Body::Fields => {
                let required: Vec<_> =
                    required.into_iter().filter(|n| n.as_str().is_some_and(|n| fields.contains_key(n))).collect();
                Some(
                    json!({ "type": "object", "properties": fields, "required": required, "additionalProperties": false }),
                )
            }
        };
        if let Some(operation) = operation.as_object_mut() {
            if !parameters.is_empty() {
                operation.insert("parameters".into(), parameters.into());
            }
            if let Some(schema) = body {
                let content = json!({ "application/json": { "schema": schema } });
                operation.insert("requestBody".into(), json!({ "required": true, "content": content }));
            }
        }
        self.insert(route.path, &route.method.as_str().to_lowercase(), operation);
    }

    fn reply<C: Command>(&mut self, route: &Route) -> Value {
        if route.status == 204 {
            return json!({ "description": "Done." });
        }
        let schema = match route.reply {
            Some(_) => json!({ "type": "object" }),
            None => self.generator.subschema_for::<C::Reply>().to_value(),
        };
        json!({ "description": "Done.", "content": { "application/json": { "schema": schema } } })
    }

    fn problem(&mut self) -> Value {
        let schema = self.generator.subschema_for::<Problem>().to_value();
        json!({ "description": "Refused, or failed.", "content": { "application/problem+json": { "schema": schema } } })
    }

    /// The command's own schema, not a reference to it: its fields are spread over path, query and body.
    fn inline<T: JsonSchema>(&mut self) -> Value {
        T::json_schema(&mut self.generator).to_value()
    }

    fn add_echo(&mut self) {
        let schema = self.generator.subschema_for::<Echoed<'_>>().to_value();
        let operation = |id: &str| {
            json!({
                "operationId": id,
                "summary": "Answers what was verified. Any method and any body, also on every path below.",
                "responses": { "200": { "description": "Verified.", "content": { "application/json": { "schema": schema } } } },
            })
        };
        let problem = self.problem();
        for method in ["get", "post", "put", "patch", "delete"] {
            let mut operation = operation(&format!("{}.{method}", Echo::NAME));
            if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
                responses.insert("default".into(), problem.clone());
            }
            self.insert(Echo::PATH, method, operation);
        }
    }

    fn insert(&mut self, path: &str, method: &str, operation: Value) {
        let entry = self.paths.entry(path).or_insert_with(|| Value::Object(Map::new()));
        if let Some(methods) = entry.as_object_mut() {
            methods.insert(method.into(), operation);
        }
    }

    fn finish(mut self) -> Value {
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Countersign data service",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "Every request is signed with OAuth 1.0 (RFC 5849 section 3); see docs/protocol.md.",
            },
            "paths": self.paths,
            "components": {
                "schemas": self.generator.take_definitions(true),
                "securitySchemes": { "oauth1": { "type": "http", "scheme": "oauth" } },
            },
            "security": [{ "oauth1": [] }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_its_own_place() {
        let mut names = Vec::new();
        let mut places = Vec::new();
        macro_rules! collect {
            ($($command:ident,)*) => { $(
                names.push($command::NAME);
                places.push((<$command as Command>::ROUTE.method.as_str(), <$command as Command>::ROUTE.path));
            )* };
        }
        crate::for_each_command!(collect);
        let (named, placed) = (names.len(), places.len());
        names.sort_unstable();
        names.dedup();
        places.sort_unstable();
        places.dedup();
        assert_eq!((names.len(), places.len()), (named, placed));
    }

    #[test]
    fn path_fields_are_fields_of_the_command() {
        let document = document();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let declared = operation["parameters"].as_array().cloned().unwrap_or_default();
                for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                    assert!(declared.iter().any(|p| p["name"] == name && p["in"] == "path"), "{method} {path} {name}");
                }
            }
        }
    }
}
