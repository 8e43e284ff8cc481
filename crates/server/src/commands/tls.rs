//! `wharf tls`: certificates for HTTPS.

use super::{data_flag, print};
use crate::cli::TlsInit;
use crate::config::Config;
use crate::folder;
use crate::tls::authority::{self, Wanted};

pub(super) fn init(init: TlsInit) -> anyhow::Result<()> {
    let config = Config::read(&init.settings.0)?;
    folder::make(&config.data)?;
    let wanted = Wanted {
        folder: config.data.join("tls"),
        hosts: init.hosts,
        region: config.region.clone(),
        days: init.days,
    };
    // The host that was asked for is the one that clients will use.
    let given = wanted.hosts.first().filter(|host| !host.contains('*')).cloned();
    let made = authority::init(&wanted)?;
    let port = config.listen.port();
    let mut flags = data_flag(&config);
    let host = match given.map(|host| format!("{host}:{port}")) {
        Some(host) => {
            let listen = format!("0.0.0.0:{port}");
            flags +=
                &format!(" --listen {listen} --registry-host {host} --public-url https://{host}");
            host
        }
        None => config.registry_host(port),
    };
    print(&made.next_steps(&host, &format!("https://{host}"), &flags))
}
