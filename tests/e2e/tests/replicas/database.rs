//! PostgreSQL gone and back while clients push: errors meanwhile, none afterwards, and what was
//! acknowledged is there.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use http::Method;
use wharf_e2e::{Blobs, Client, Deployment, front};

use crate::load::Load;

/// Runs `act` while clients push through the proxy and past it, gives them a moment before and
/// after, and gives what happened to them.
fn under_load(deployment: &Deployment, act: impl FnOnce() -> Result<()>) -> Result<Load> {
    let (host, stop) = (&deployment.host, AtomicBool::new(false));
    let replicas = deployment.replicas.iter().map(|replica| replica.address);
    let addresses: Vec<_> = replicas.chain([front(), front()]).collect();
    thread::scope(|scope| {
        let load = scope.spawn(|| host.inside(async || Load::until(&stop, &addresses).await));
        thread::sleep(Duration::from_secs(2));
        let acted = act();
        thread::sleep(Duration::from_secs(3));
        stop.store(true, Ordering::Relaxed);
        let load = load.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        acted.map(|()| load)
    })
}

/// HAProxy learns a moment later than Wharf that PostgreSQL is back.
#[test]
fn restarted_three_times_under_load() -> Result<()> {
    let deployment = Deployment::scaled_out(Blobs::Streamed)?;
    let host = &deployment.host;
    let (mut back, mut seen) = (Instant::now(), Instant::now());
    let load = under_load(&deployment, || {
        for _ in 0..3 {
            host.restart_postgres()?;
            back = Instant::now();
            for replica in &deployment.replicas {
                replica.is_seen(host, true)?;
            }
            seen = Instant::now();
        }
        Ok(())
    })?;
    let late = load.failures_after(back, false);
    ensure!(late.is_empty(), "errors of Wharf after PostgreSQL was back: {late:?}");
    let late = load.failures_after(seen, true);
    ensure!(late.is_empty(), "errors after HAProxy had seen it: {late:?}");
    let waited = seen - back;
    ensure!(waited < Duration::from_secs(5), "HAProxy took {waited:?} to see it");
    host.inside(async || load.is_all_there(&mut Client::login(front()).await?).await)
}

/// A push is refused in bounded time and with a status that clients take for a passing one; HAProxy
/// sees no replica ready and says so itself.
#[test]
fn gone_for_a_while() -> Result<()> {
    let deployment = Deployment::scaled_out(Blobs::Streamed)?;
    let host = &deployment.host;
    host.inside(async || Client::login(front()).await?.create_repository("demo").await)?;
    host.stop_postgres()?;
    host.inside(async || {
        let begun = Instant::now();
        let mut client = Client::to(deployment.replicas[0].address);
        let ready = client.get("/readyz").await?;
        ensure!(ready.status == 503, "ready without a database: {ready:?}");
        Client::to(deployment.replicas[0].address).get("/healthz").await?.expect(200)?;
        let signed = serde_json::json!({ "repositoryName": "other" });
        let refused = client.ecr("CreateRepository", signed).await?;
        ensure!(matches!(refused.status, 500 | 503), "{refused:?}");
        ensure!(begun.elapsed() < Duration::from_secs(10), "that took {:?}", begun.elapsed());
        Ok(())
    })?;
    for replica in &deployment.replicas {
        replica.is_seen(host, false)?;
    }
    host.inside(async || {
        let answer = Client::to(front()).send(Method::GET, "/v2/", &[], "").await?;
        ensure!(answer.status == 503, "{answer:?}");
        Ok(())
    })?;
    host.start_postgres()?;
    for replica in &deployment.replicas {
        replica.is_seen(host, true)?;
    }
    host.inside(async || {
        for _ in 0..20 {
            let mut client = Client::login(front()).await?;
            client.get("/v2/demo/tags/list").await?.expect(200)?;
        }
        Ok(())
    })
}
