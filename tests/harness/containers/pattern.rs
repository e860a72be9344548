//! A project that docker-compose has made of `docker-compose.yml`, as the engine describes it. Others are copied from it: the
//! engine is faster than docker-compose, and a copy has what the file says, whatever that is.

use super::{
    docker::Container,
    engine::{delete, get, post},
    ports::Ports,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What says to which project something belongs.
const PROJECT: &str = "com.docker.compose.project";

/// As docker-compose calls the services.
const SERVICE: &str = "com.docker.compose.service";

/// A project that was made by docker-compose.
#[derive(Debug)]
pub(crate) struct Pattern {
    name: String,
    ports: Ports,
    networks: Vec<Value>,
    volumes: Vec<Value>,
    containers: BTreeMap<String, Value>,
}

/// How a container differs from its pattern.
#[derive(Debug, Default)]
pub(crate) struct Differences<'a> {
    /// Its settings, beside those of the file.
    pub(crate) settings: Option<&'a BTreeMap<String, String>>,
    /// A directory that it sees under the same path.
    pub(crate) directory: Option<&'a str>,
    /// Other ports than those of the service: inside and on this machine.
    pub(crate) published: Option<[(u16, u16); 2]>,
    /// Arguments of its program, for a run that ends by itself and leaves nothing.
    pub(crate) arguments: Option<&'a [String]>,
}

impl Differences<'_> {
    /// Whether whoever asks for the service by its name may get this one.
    fn is_the_service(&self) -> bool {
        self.published.is_none() && self.arguments.is_none()
    }
}

impl Pattern {
    /// From all that docker-compose has made. It has been started: only then are all networks joined.
    ///
    /// # Panics
    /// When the engine does not describe it.
    pub(crate) fn of(name: &str, ports: Ports) -> Self {
        let described = |path: &str| get(path).expect("the engine describes what it has");
        let listed = |list: &Value| -> Vec<Value> {
            let all = list.as_array().cloned().unwrap_or_default();
            all.into_iter().filter(|each| each["Labels"][PROJECT] == name).collect()
        };
        let containers = listed(&described("/containers/json?all=1")).into_iter().map(|container| {
            let service = container["Labels"][SERVICE].as_str().expect("a service").to_owned();
            (service, described(&format!("/containers/{}/json", container["Id"].as_str().expect("an id"))))
        });
        Self {
            name: name.to_owned(),
            ports,
            networks: listed(&described("/networks")),
            volumes: listed(&described("/volumes")["Volumes"]),
            containers: containers.collect(),
        }
    }

    /// Makes the networks and volumes of a copy.
    ///
    /// # Errors
    /// The engine's reason for refusing it.
    pub(crate) fn make_surroundings(&self, name: &str) -> Result<(), String> {
        for network in &self.networks {
            post("/networks/create", &self.renamed(&without_addresses(network), name, self.ports))?;
        }
        self.volumes.iter().try_for_each(|volume| self.make_volume(volume, name))
    }

    /// Replaces the volume of a copy by an empty one.
    ///
    /// # Errors
    /// The engine's reason for refusing it.
    pub(crate) fn empty_volume(&self, volume: &str, name: &str) -> Result<(), String> {
        delete(&format!("/volumes/{name}_{volume}"))?;
        let own = format!("{}_{volume}", self.name);
        let volume = self.volumes.iter().find(|volume| volume["Name"] == own.as_str());
        self.make_volume(volume.ok_or_else(|| format!("docker-compose.yml has no volume {own}"))?, name)
    }

    fn make_volume(&self, volume: &Value, name: &str) -> Result<(), String> {
        let parts = json!({
            "Name": volume["Name"], "Driver": volume["Driver"], "DriverOpts": volume["Options"], "Labels": volume["Labels"],
        });
        post("/volumes/create", &self.renamed(&parts, name, self.ports)).map(drop)
    }

    /// Makes a container of a copy, which has these ports. It does not run yet.
    ///
    /// # Errors
    /// The engine's reason for refusing it.
    pub(crate) fn make_container(
        &self,
        service: &str,
        container: &Container,
        (name, ports): (&str, Ports),
        differences: &Differences<'_>,
    ) -> Result<(), String> {
        let pattern = self.containers.get(service).ok_or_else(|| format!("docker-compose.yml has no {service}"))?;
        let pattern = self.renamed(pattern, name, ports);
        let mut whole = pattern["Config"].clone();
        // By itself, it is a part of the id.
        whole.as_object_mut().map(|config| config.remove("Hostname"));
        whole["HostConfig"] = pattern["HostConfig"].clone();
        differences.apply(&mut whole);
        // The other alias that docker-compose gives is a part of the pattern's id.
        let aliases: &[&str] = if differences.is_the_service() { &[service] } else { &[] };
        let endpoint = json!({ "Aliases": aliases });
        let first = whole["HostConfig"]["NetworkMode"].as_str().unwrap_or_default().to_owned();
        let networks = pattern["NetworkSettings"]["Networks"].as_object().cloned().unwrap_or_default();
        if first != "none" {
            whole["NetworkingConfig"] = json!({ "EndpointsConfig": { first.clone(): endpoint } });
        }
        post(&format!("/containers/create?name={}", container.name()), &whole)?;
        for network in networks.keys().filter(|network| **network != first) {
            let joined = json!({ "Container": container.name(), "EndpointConfig": endpoint });
            post(&format!("/networks/{network}/connect"), &joined)?;
        }
        Ok(())
    }

    /// With the name and the ports of another project in their places.
    fn renamed(&self, value: &Value, name: &str, ports: Ports) -> Value {
        let ports = self.ports.all().into_iter().zip(ports.all());
        let ports = ports.map(|(own, other)| (own.to_string(), other.to_string()));
        let names: Vec<_> = [(self.name.clone(), name.to_owned())].into_iter().chain(ports).collect();
        with_names(value, &names)
    }
}

impl Differences<'_> {
    fn apply(&self, container: &mut Value) {
        let of_file = strings(&container["Env"]);
        let settings = || self.settings.into_iter().flatten();
        let stays = |entry: &&str| {
            let name = entry.split('=').next().unwrap_or_default();
            settings().all(|(setting, _)| setting != name && replaced_by(setting) != name)
        };
        let own = settings().map(|(name, value)| format!("{name}={value}"));
        let environment = of_file.iter().map(String::as_str).filter(stays).map(str::to_owned);
        container["Env"] = environment.chain(own).collect();
        if let Some(directory) = self.directory {
            let binds = strings(&container["HostConfig"]["Binds"]).into_iter();
            container["HostConfig"]["Binds"] = binds.chain([format!("{directory}:{directory}:ro")]).collect();
        }
        if let Some(published) = self.published {
            let port = |port: u16| json!([{ "HostIp": "127.0.0.1", "HostPort": port.to_string() }]);
            let ports = published.map(|(inside, outside)| (format!("{inside}/tcp"), port(outside)));
            container["HostConfig"]["PortBindings"] = ports.into_iter().collect();
        }
        if let Some(arguments) = self.arguments {
            container["Cmd"] = json!(arguments);
            for open in ["OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout", "AttachStderr"] {
                container[open] = true.into();
            }
            let host = &mut container["HostConfig"];
            host["PortBindings"] = json!({});
            host["RestartPolicy"] = json!({ "Name": "no" });
            host["AutoRemove"] = true.into();
        }
    }
}

/// The setting of `docker-compose.yml` that contradicts this one: what is given by value is not given by file.
fn replaced_by(name: &str) -> String {
    match name {
        "RESOURCE_JWKS_FILE" => "RESOURCE_JWKS_URL".to_owned(),
        _ => format!("{name}_FILE"),
    }
}

/// The engine chooses those of each network.
fn without_addresses(network: &Value) -> Value {
    let mut parts: Map<String, Value> = ["Name", "Driver", "Internal", "Attachable", "EnableIPv6", "Options", "Labels"]
        .into_iter()
        .map(|part| (part.to_owned(), network[part].clone()))
        .collect();
    parts.insert("CheckDuplicate".to_owned(), true.into());
    parts.into()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A value in which each of these words is replaced by the other one.
fn with_names(value: &Value, names: &[(String, String)]) -> Value {
    let replaced = |text: &str| names.iter().fold(text.to_owned(), |text, (from, to)| with_word(&text, from, to));
    match value {
        Value::String(text) => replaced(text).into(),
        Value::Array(list) => list.iter().map(|each| with_names(each, names)).collect(),
        Value::Object(parts) => parts.iter().map(|(key, each)| (replaced(key), with_names(each, names))).collect(),
        other => other.clone(),
    }
}

/// A text in which a word is replaced by another one, where it is not a part of a longer one.
fn with_word(text: &str, from: &str, to: &str) -> String {
    let is_part = |neighbour: Option<char>| neighbour.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let (mut replaced, mut done) = (String::new(), 0);
    for (start, _) in text.match_indices(from) {
        let end = start + from.len();
        if is_part(text[..start].chars().next_back()) || is_part(text[end..].chars().next()) {
            continue;
        }
        replaced.push_str(&text[done..start]);
        replaced.push_str(to);
        done = end;
    }
    replaced + &text[done..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<(String, String)> {
        [("jeton-test-1", "jeton-test-2"), ("12345", "23456")].map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec()
    }

    #[test]
    fn names_and_ports_are_replaced_wherever_they_are_whole_words() {
        let made = json!({
            "Env": ["AUTH_LISTEN=0.0.0.0:12345", "KEYS=http://auth-service:12345/.well-known/jwks.json"],
            "PortBindings": { "12345/tcp": [{ "HostPort": "12345" }] },
            "Binds": ["jeton-test-1_auth-secrets:/secrets:ro"],
        });
        let copied = json!({
            "Env": ["AUTH_LISTEN=0.0.0.0:23456", "KEYS=http://auth-service:23456/.well-known/jwks.json"],
            "PortBindings": { "23456/tcp": [{ "HostPort": "23456" }] },
            "Binds": ["jeton-test-2_auth-secrets:/secrets:ro"],
        });
        assert_eq!(with_names(&made, &names()), copied);
    }

    #[test]
    fn numbers_and_parts_of_words_stay() {
        let stays = json!({ "Memory": 12345, "hash": "a12345", "id": "123456", "twice": "1234512345", "name": "jeton-test-12" });
        assert_eq!(with_names(&stays, &names()), stays);
    }

    #[test]
    fn a_setting_replaces_those_of_the_file_that_contradict_it() {
        let settings = [("AUTH_SECRET", "new"), ("RESOURCE_JWKS_FILE", "/keys"), ("AUTH_COOKIE_NAME", "other")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let mut container = json!({
            "Env": ["PATH=/bin", "AUTH_SECRET_FILE=/old", "RESOURCE_JWKS_URL=http://old", "AUTH_COOKIE_NAME=old"],
        });
        Differences { settings: Some(&settings), ..Differences::default() }.apply(&mut container);
        assert_eq!(
            container["Env"],
            json!(["PATH=/bin", "AUTH_COOKIE_NAME=other", "AUTH_SECRET=new", "RESOURCE_JWKS_FILE=/keys"])
        );
    }
}
