//! The samples in `docs/monitoring/` match the metrics of the services and work with a real Prometheus.

use harness::{Prometheus, Stack, Storage, eventually, prometheus};
use serde_json::Value;
use std::{collections::BTreeSet, fs, process::Command, time::Duration};

/// Values for Grafana's own variables.
const VARIABLES: [(&str, &str); 1] = [("$__rate_interval", "5m")];

fn sample(name: &str) -> String {
    let path = prometheus::samples().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn promtool_accepts_the_configuration_and_the_alerts_and_their_tests_pass() {
    for arguments in
        [["check", "config", "prometheus.yml"], ["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]]
    {
        let mut promtool = Command::new(prometheus::path_of("promtool"));
        let ended = promtool.args(arguments).current_dir(prometheus::samples()).output().expect("promtool runs");
        let said = [ended.stdout, ended.stderr].concat();
        assert!(ended.status.success(), "{arguments:?}\n{}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn each_alert_is_explained_and_tested_to_fire_and_to_stay_silent() {
    let (alerts, tests, explained) = (sample("alerts.yml"), sample("alerts_test.yml"), sample("../monitoring.md"));
    let names: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(!names.is_empty());
    for name in &names {
        assert!(tests.contains(&format!("alertname: {name}\n        exp_alerts:\n")), "{name} is not tested to fire");
        assert!(tests.contains(&format!("alertname: {name}\n        exp_alerts: []\n")), "{name}: to stay silent");
        assert!(explained.contains(&format!("\n**{name}** (")), "{name} is not explained");
    }
    let explanations = explained.lines().filter(|line| line.starts_with("**Jeton")).count();
    assert_eq!(explanations, names.len(), "an alert is explained that does not exist");
}

#[tokio::test]
async fn every_metric_named_in_the_samples_exists_and_every_metric_is_documented() {
    let shown = shown(&busy_stack().await).await;
    let samples: BTreeSet<&str> = names_in(&shown).into_iter().collect();
    for name in ["alerts.yml", "alerts_test.yml", "dashboard.json"] {
        let text = sample(name);
        assert!(!names_in(&text).is_empty(), "{name} queries nothing");
        for named in names_in(&text) {
            assert!(samples.contains(named), "{named}, in {name}, is not in\n{shown}");
        }
        for asked in label_values_in(&text) {
            assert!(shown.contains(&asked), "{asked}, in {name}, is not in\n{shown}");
        }
    }
    let document = sample("../monitoring.md");
    let rows = document.lines().filter(|line| line.starts_with("| `jeton_"));
    let documented: BTreeSet<&str> = rows.filter_map(|row| names_in(row).first().copied()).collect();
    let existing: BTreeSet<&str> = samples.iter().map(|name| documented_as(name)).collect();
    assert_eq!(documented, existing);
    for named in names_in(&document) {
        assert!(existing.contains(named), "{named} is not in\n{shown}");
    }
}

#[tokio::test]
async fn a_real_prometheus_scrapes_both_services_and_understands_every_query() {
    let stack = busy_stack().await;
    let prometheus = Prometheus::start(stack.auth.admin_address(), stack.resource.admin_address()).await;
    for target in prometheus.scraped(2).await {
        assert_eq!((&target["health"], &target["lastError"]), (&"up".into(), &"".into()), "{target}");
    }
    for (job, metric) in [("auth-service", "jeton_logins_total"), ("resource-service", "jeton_verification_keys")] {
        let expression = format!(r#"sum by (job) ({metric}{{job="{job}"}}) > 0"#);
        eventually(&expression, Duration::from_secs(30), async || {
            (prometheus.query(&expression).await.len() == 1).then_some(())
        })
        .await;
    }
    for expression in queries(&dashboard()) {
        prometheus.query(&expression).await;
    }
    // An alert may be pending before the first scrape: some fire on missing metrics.
    eventually("each alert is evaluated and silent", Duration::from_secs(60), async || {
        let data = prometheus.api("rules").await;
        let rules = data["groups"][0]["rules"].as_array().expect("alerts");
        // One slow answer from a store on a busy machine counts for five minutes.
        let is_silent = |rule: &Value| {
            rule["state"] == "inactive" || rule["name"] == "JetonStoreSlow" && rule["state"] == "pending"
        };
        rules.iter().all(|rule| rule["health"] == "ok" && is_silent(rule)).then_some(())
    })
    .await;
}

#[test]
fn the_dashboard_asks_whoever_imports_it_for_the_data_source() {
    let dashboard = dashboard();
    let variables: Vec<&Value> = dashboard["templating"]["list"].as_array().expect("a list").iter().collect();
    assert!(variables.iter().any(|variable| variable["name"] == "datasource" && variable["type"] == "datasource"));
    for panel in dashboard["panels"].as_array().expect("a list").iter().filter(|panel| panel["type"] != "row") {
        for asked in panel["targets"].as_array().expect("a list").iter().chain([panel]) {
            assert_eq!(asked["datasource"]["uid"], "${datasource}", "{panel}");
        }
    }
    assert!(!queries(&dashboard).is_empty());
}

/// A stack in which every metric that does not start at zero has been counted at least once.
async fn busy_stack() -> Stack {
    let stack = Stack::on(Storage::RedisAndPostgres).start().await;
    let ada = stack.ada().await;
    stack.resource.whoami(&ada.tokens).await.expect(200);
    stack
}

/// `/metrics` of both services.
async fn shown(stack: &Stack) -> String {
    let mut shown = String::new();
    for service in [&stack.auth, &stack.resource] {
        let answer = service.admin_address().get("/metrics").send().await.expect(200);
        shown.extend(answer.body.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")));
    }
    shown
}

/// The names of our metrics in a text.
fn names_in(text: &str) -> Vec<&str> {
    let is_of_a_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let ends =
        |from: usize| text[from..].bytes().position(|byte| !is_of_a_name(byte)).map_or(text.len(), |end| from + end);
    text.match_indices("jeton_").map(|(from, _)| &text[from..ends(from)]).collect()
}

/// The outcomes and stores in queries: `outcome="reuse"`.
fn label_values_in(text: &str) -> Vec<String> {
    let text = text.replace("\\\"", "\"");
    let asked = |label: &str| {
        let begins = format!("{label}=\"");
        let values = text.split(&begins).skip(1).filter_map(|rest| rest.split('"').next());
        values.map(|value| format!("{begins}{value}\"")).collect::<Vec<_>>()
    };
    ["outcome", "store"].into_iter().flat_map(asked).collect()
}

/// The three series of a histogram are documented under one name.
fn documented_as(name: &str) -> &str {
    ["_bucket", "_count", "_sum"].into_iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name)
}

fn dashboard() -> Value {
    serde_json::from_str(&sample("dashboard.json")).expect("JSON")
}

/// The dashboard's queries, as Grafana would send them.
fn queries(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().expect("a list").iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let question = |target: &Value| target["expr"].as_str().expect("a query").to_owned();
    let put = |asked: String| VARIABLES.iter().fold(asked, |asked, (name, value)| asked.replace(name, value));
    targets.map(question).map(put).collect()
}
