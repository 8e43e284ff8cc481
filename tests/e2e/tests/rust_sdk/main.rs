//! The AWS SDK for Rust through every operation that is served: it is strict about types and times,
//! and gives each exception of the model a type of its own. Here are the client, its account of what
//! was called, and the order; the calls are in a file an area.

mod images;
mod layers;
mod policies;
mod repositories;
mod settings;

use std::{
    collections::BTreeSet,
    fmt::Debug,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail, ensure};
use aws_sdk_ecr::{
    Client,
    config::{
        BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
        interceptors::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef},
        retry::RetryConfig,
    },
    error::{BoxError, ProvideErrorMetadata, SdkError},
    primitives::DateTime,
};
use wharf_e2e::{ACCESS_KEY, Host, SECRET_KEY, Server, book};

/// The account of the root credentials.
pub const ACCOUNT: &str = "000000000000";

/// The clients of one test, each of a Region of its own, which is an empty registry.
pub struct Sdk {
    endpoint: SocketAddr,
    regions: Mutex<u32>,
    calls: Calls,
}

impl Sdk {
    /// A client of another Region.
    pub fn client(&self) -> Client {
        self.client_of(ACCESS_KEY)
    }

    /// A client with a key that nobody gave out.
    pub fn stranger(&self) -> Client {
        self.client_of("AKIANOSUCHKEY0000000")
    }

    fn client_of(&self, key: &str) -> Client {
        let mut regions = self.regions.lock().expect("no call panics");
        *regions += 1;
        let config = aws_sdk_ecr::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::new(key, SECRET_KEY, None, None, "test"))
            .endpoint_url(format!("http://{}", self.endpoint))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .interceptor(self.calls.clone())
            .region(Region::new(format!("test-{regions}")))
            .retry_config(RetryConfig::disabled());
        Client::from_conf(config.build())
    }

    /// A client whose registry has the repository `team/app`.
    pub async fn with_repository(&self) -> Result<Client> {
        let client = self.client();
        client.create_repository().repository_name(APP).send().await?;
        Ok(client)
    }
}

/// The repository of most tests.
pub const APP: &str = "team/app";

/// What was called, one call after the other.
#[derive(Clone, Debug, Default)]
struct Calls(Arc<Mutex<Account>>);

#[derive(Debug, Default)]
struct Account {
    /// The operation of the call that runs: the request is gone when its answer is there.
    running: Option<String>,
    /// The names of operations, and whether they were answered or refused.
    ended: BTreeSet<(String, bool)>,
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target");
        let operation = target.and_then(|target| target.split_once('.')).map(|(_, name)| name);
        self.0.lock().expect("no call panics").running = operation.map(str::to_owned);
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut account = self.0.lock().expect("no call panics");
        let status = context.response().map(|response| response.status());
        if let (Some(operation), Some(status)) = (account.running.take(), status) {
            account.ended.insert((operation, status.is_success()));
        }
        Ok(())
    }
}

/// The exception that a call ends with, with the model's code and AWS's sentence.
///
/// # Errors
/// When the call succeeds, or fails in another way.
pub fn refused<T: Debug, E>(
    outcome: Result<T, SdkError<E>>,
    code: &str,
    sentence: &str,
) -> Result<E>
where
    E: ProvideErrorMetadata + Debug,
{
    let error = match outcome {
        Err(SdkError::ServiceError(context)) => context.into_err(),
        other => bail!("no exception of the service: {other:?}"),
    };
    ensure!(error.code() == Some(code), "expected {code}: {error:?}");
    let message = error.message().context("an exception has a message")?;
    ensure!(message.contains(sentence), "expected {sentence}: {message}");
    Ok(error)
}

/// Fails unless it is a time of just now.
///
/// # Errors
/// When there is none, or it is more than five minutes off.
pub fn recent(time: Option<&DateTime>) -> Result<()> {
    let time = SystemTime::try_from(*time.context("there is no time")?)?;
    let now = SystemTime::now();
    let off = now.duration_since(time).or_else(|_| time.duration_since(now))?;
    ensure!(off < Duration::from_secs(300), "the time is {off:?} off");
    Ok(())
}

#[test]
fn every_operation_that_is_served() -> Result<()> {
    let host = Host::start()?;
    host.inside(async || {
        let server = Server::start(&host, &[]).await?;
        let (endpoint, calls) = (server.address, Calls::default());
        let sdk = Sdk { endpoint, regions: Mutex::default(), calls: calls.clone() };
        repositories::all(&sdk).await.context("repositories")?;
        layers::all(&sdk).await.context("layers")?;
        images::all(&sdk).await.context("images")?;
        settings::all(&sdk).await.context("settings")?;
        policies::all(&sdk).await.context("policies")?;
        let called = calls.0.lock().expect("no call panics").ended.clone();
        let wanted =
            book::served()?.into_iter().flat_map(|name| [(name.clone(), true), (name, false)]);
        let missing: Vec<_> = wanted.filter(|call| !called.contains(call)).collect();
        ensure!(missing.is_empty(), "served, and not called (answered, refused): {missing:?}");
        server.stop().await
    })
}
