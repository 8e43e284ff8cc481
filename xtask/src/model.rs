//! `cargo xtask model`: makes `model/*.json` anew from the service models of the newest botocore.
//! Only facts are kept (shapes, bounds, patterns, enums, errors), never prose; a trait that neither
//! list below knows stops the refresh, so that no new kind of constraint is lost in silence.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

const SERVICES: [&str; 3] = ["ecr", "iam", "sts"];

const METADATA: [&str; 7] = [
    "apiVersion",
    "jsonVersion",
    "protocol",
    "serviceId",
    "signingName",
    "targetPrefix",
    "xmlNamespace",
];

const SHAPE_KEPT: [&str; 13] = [
    "box",
    "enum",
    "exception",
    "fault",
    "flattened",
    "max",
    "min",
    "pattern",
    "required",
    "sensitive",
    "timestampFormat",
    "type",
    "union",
];
const SHAPE_DROPPED: [&str; 4] = ["deprecated", "deprecatedMessage", "documentation", "synthetic"];
const REFERENCE_DROPPED: [&str; 5] =
    ["deprecated", "deprecatedMessage", "deprecatedSince", "documentation", "resultWrapper"];
const OPERATION_DROPPED: [&str; 6] =
    ["auth", "deprecated", "deprecatedMessage", "documentation", "http", "name"];

/// Downloads botocore with pip (`python3` with pip is needed) and rewrites
/// `model/{ecr,iam,sts}.json`.
///
/// # Errors
/// When python or pip fails, the wheel is not laid out as expected, or a model has a trait unknown
/// here.
pub fn refresh() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent")?;
    let scratch = Scratch::new()?;
    let version = unpack_botocore(&scratch.0)?;
    for service in SERVICES {
        let source = service_model(&scratch.0, service)?;
        let text = render(&version, &source).with_context(|| format!("model of {service}"))?;
        fs::write(root.join("model").join(format!("{service}.json")), text)?;
    }
    Ok(())
}

/// A folder of this process under the system's temporary folder, removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("wharf-model-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A left-over folder does no harm, and there is nobody to tell.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Puts the wheel's files under `folder` and returns botocore's version.
fn unpack_botocore(folder: &Path) -> Result<String> {
    let download = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "botocore",
        "-d",
        ".",
    ];
    python(folder, &download)?;
    let wheel = only_entry(folder, |name| name.ends_with(".whl"))?;
    python(folder, &["-m", "zipfile", "-e", &wheel, "."])?;
    let version = wheel.split('-').nth(1).context("wheel names are name-version-tags.whl")?;
    Ok(version.to_owned())
}

fn service_model(folder: &Path, service: &str) -> Result<Value> {
    let versions = folder.join("botocore/data").join(service);
    let newest = only_entry(&versions, |_| true)?;
    let path = versions.join(newest).join("service-2.json");
    if !path.exists() {
        python(folder, &["-m", "gzip", "-d", &format!("{}.gz", path.display())])?;
    }
    Ok(serde_json::from_slice(&fs::read(&path)?)?)
}

fn python(folder: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new("python3")
        .args(arguments)
        .current_dir(folder)
        .status()
        .context("starting python3")?;
    ensure!(status.success(), "python3 {} ended with {status}", arguments.join(" "));
    Ok(())
}

/// The last name in `folder` (API versions are dates, so the last is the newest) that `wanted`
/// accepts.
fn only_entry(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string().ok().filter(|name| wanted(name)));
    }
    names.into_iter().max().with_context(|| format!("nothing suitable in {}", folder.display()))
}

/// One operation or shape a line, everything sorted: what changed in AWS's model shows as changed
/// lines.
fn render(version: &str, source: &Value) -> Result<String> {
    let operations = stripped(&source["operations"], operation)?;
    let shapes = stripped(&source["shapes"], shape)?;
    let metadata = kept(&source["metadata"], &METADATA);
    Ok(format!(
        "{{\n\"botocore\":{},\n\"metadata\":{},\n\"operations\":{{\n{}\n}},\n\"shapes\":{{\n{}\n}}\n}}\n",
        json!(version),
        sorted(metadata),
        operations.join(",\n"),
        shapes.join(",\n"),
    ))
}

fn stripped(entries: &Value, strip: impl Fn(&Value) -> Result<Value>) -> Result<Vec<String>> {
    let entries = entries.as_object().context("an object of named entries")?;
    let mut lines = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        let facts = strip(entry).with_context(|| name.clone())?;
        lines.push(format!("{}:{}", json!(name), sorted(facts)));
    }
    lines.sort();
    Ok(lines)
}

fn operation(entry: &Value) -> Result<Value> {
    let mut facts = Map::new();
    for (key, value) in entry.as_object().context("an operation is an object")? {
        match key.as_str() {
            "input" | "output" => {
                facts.insert(key.clone(), reference(value)?);
            }
            "errors" => {
                let names = value.as_array().context("errors is a list")?.iter().map(reference);
                facts.insert(key.clone(), names.collect::<Result<_>>()?);
            }
            "authtype" => {
                facts.insert(key.clone(), value.clone());
            }
            dropped if OPERATION_DROPPED.contains(&dropped) => {}
            unknown => {
                bail!("operation trait {unknown}: keep it (and teach crates/aws) or drop it")
            }
        }
    }
    Ok(Value::Object(facts))
}

fn shape(entry: &Value) -> Result<Value> {
    let mut facts = Map::new();
    for (key, value) in entry.as_object().context("a shape is an object")? {
        let fact = match key.as_str() {
            "members" => {
                let members = value.as_object().context("members is an object")?.iter();
                let references =
                    members.map(|(name, member)| Ok((name.clone(), reference(member)?)));
                Value::Object(references.collect::<Result<_>>()?)
            }
            "member" | "key" | "value" => reference(value)?,
            "error" => kept(value, &["code", "httpStatusCode"]),
            plain if SHAPE_KEPT.contains(&plain) => value.clone(),
            dropped if SHAPE_DROPPED.contains(&dropped) => continue,
            unknown => bail!("shape trait {unknown}: keep it (and teach crates/aws) or drop it"),
        };
        facts.insert(key.clone(), fact);
    }
    Ok(Value::Object(facts))
}

/// The name of the shape that `value` refers to. Names on the wire (`locationName`) are used by
/// none of the three models; should one appear, the refresh stops here.
fn reference(value: &Value) -> Result<Value> {
    for key in value.as_object().context("a reference is an object")?.keys() {
        ensure!(
            key == "shape" || REFERENCE_DROPPED.contains(&key.as_str()),
            "reference trait {key}: keep it (and teach crates/aws) or drop it"
        );
    }
    Ok(value["shape"].clone())
}

fn kept(entry: &Value, keys: &[&str]) -> Value {
    let facts = keys.iter().filter_map(|key| Some(((*key).to_owned(), entry.get(key)?.clone())));
    Value::Object(facts.collect())
}

/// Key order is made explicit: `serde_json` keeps insertion order when another crate switches that
/// on.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> =
                map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Object(entries.into_iter().collect())
        }
        other => other,
    }
}
