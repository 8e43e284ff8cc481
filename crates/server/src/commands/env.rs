//! `wharf env`: the exports that point aws and the SDKs at this registry.

use super::{print, quoted};
use crate::config::Config;
use crate::folder;

pub(super) fn environment(config: &Config) -> anyhow::Result<()> {
    let (id, secret) = match &config.root {
        Some(root) => (root.id.clone(), root.secret.0.clone()),
        None => folder::read_credentials(&config.data)?,
    };
    let port = folder::read_port(&config.data).unwrap_or(config.listen.port());
    let mut text = String::new();
    let exports = [
        ("AWS_ENDPOINT_URL", config.endpoint_url(port)),
        ("AWS_ACCESS_KEY_ID", id),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_REGION", config.region.clone()),
        ("AWS_DEFAULT_REGION", config.region.clone()),
    ];
    for (name, value) in exports {
        text.push_str(&format!("export {name}={}\n", quoted(&value)));
    }
    // A token of another session would be sent along and make every signature wrong.
    text.push_str("unset AWS_SESSION_TOKEN AWS_PROFILE\n");
    print(&text)
}
