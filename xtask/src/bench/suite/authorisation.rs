//! What it costs to ask policies: a manifest pulled by a user whose policies have 20 statements, in
//! an account with 1,000 policies, against the same pulled by the root, who has none.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::api::Api;
use super::image::Image;
use super::options::Options;
use super::reader::{Reader, Request};
use super::sample::{Sample, median};
use super::scale::{Bound, Growth, Unit};
use super::scenarios::REPOSITORY;
use super::scratch;
use super::target::{Kind, Target};

/// What a user's pull is at most to cost, against the root's.
const MOST: f64 = 1.1;
const CLIENTS: usize = 8;
const POLICIES: usize = 1_000;
const STATEMENTS: usize = 20;
/// So many requests make the policies that nobody asks.
const FILLERS: usize = 8;

/// Fills one Wharf and measures it: on SQLite and files, or with `--engines` on PostgreSQL and S3.
///
/// # Errors
/// Fails if the server does not start, or answers wrongly.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Growth>> {
    let kind = if options.engines { Kind::Scaled } else { Kind::Wharf };
    let scratch = scratch()?;
    let target = Arc::new(Target::start(kind, scratch.path()).await?);
    target.create_repository(&mut target.client().await?, REPOSITORY).await?;
    let image = Image::fresh(4, 16 << 10);
    target.publish(REPOSITORY, "latest", &image).await?;
    eprintln!("authorisation: {kind}, {POLICIES} policies");
    let root = target.api()?;
    fill(&target, root).await?;
    let user = user(&target, root).await?;
    let [root, user] = [root.registry_authorization().await?, user.registry_authorization().await?]
        .map(|authorization| Arc::new(pull(&target, &authorization, &image)));

    let (mut of_root, mut of_user) = (Vec::new(), Vec::new());
    // What is read once and then remembered is not what a pull costs.
    for request in [&root, &user] {
        sample(&target, request, options.sample() / 4).await?;
    }
    for _ in 0..options.rounds.max(2) * 3 {
        of_root.push(sample(&target, &root, options.sample()).await?);
        of_user.push(sample(&target, &user, options.sample()).await?);
    }
    let cpu = |samples: &[Sample]| median(samples.iter().map(Sample::cpu_micros));
    Ok(vec![Growth {
        name: format!(
            "manifest GET, root and a user with {STATEMENTS} statements of {POLICIES} policies, \
             server CPU"
        ),
        kind,
        unit: Unit::Time,
        small: cpu(&of_root),
        large: cpu(&of_user),
        bound: Some(Bound::Ratio(MOST)),
    }])
}

/// The policies of an account of some size.
async fn fill(target: &Arc<Target>, root: &Arc<Api>) -> anyhow::Result<()> {
    let mut fillers = JoinSet::new();
    for filler in 0..FILLERS {
        let (target, root) = (Arc::clone(target), Arc::clone(root));
        fillers.spawn(async move {
            let mut client = target.client().await?;
            for number in (filler..POLICIES).step_by(FILLERS) {
                let name = format!("policy-{number:04}");
                let document = statements(STATEMENTS, &name);
                let input = [("PolicyName", name.as_str()), ("PolicyDocument", &document)];
                root.iam(&mut client, "CreatePolicy", &input).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = fillers.join_next().await {
        done??;
    }
    Ok(())
}

/// A user that may pull by the last of its statements, as its key calls the API.
async fn user(target: &Target, root: &Api) -> anyhow::Result<Api> {
    let mut client = target.client().await?;
    let name = ("UserName", "puller");
    root.iam(&mut client, "CreateUser", &[name]).await?;
    let document = statements(STATEMENTS, "bench");
    let input = [("PolicyName", "pull"), ("PolicyDocument", document.as_str())];
    let made = root.iam(&mut client, "CreatePolicy", &input).await?;
    let arn = element(&made, "Arn").context("CreatePolicy told no ARN")?;
    root.iam(&mut client, "AttachUserPolicy", &[name, ("PolicyArn", arn)]).await?;
    let made = root.iam(&mut client, "CreateAccessKey", &[name]).await?;
    let part = |name| element(&made, name).with_context(|| format!("no {name}"));
    Ok(root.with_key(part("AccessKeyId")?, part("SecretAccessKey")?))
}

/// So many statements: all but the last two are about other repositories, under a condition.
fn statements(count: usize, team: &str) -> String {
    let other = |number: usize| {
        json!({
            "Effect": "Allow",
            "Action": ["ecr:BatchGetImage", "ecr:PutImage"],
            "Resource": format!("arn:aws:ecr:*:*:repository/{team}/*-{number}"),
            "Condition": { "StringEquals": { "aws:ResourceTag/team": team } },
        })
    };
    let mut all: Vec<Value> = (2..count).map(other).collect();
    all.push(json!({ "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" }));
    all.push(json!({
        "Effect": "Allow",
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Resource": format!("arn:aws:ecr:*:*:repository/{REPOSITORY}"),
    }));
    json!({ "Version": "2012-10-17", "Statement": all }).to_string()
}

/// The text of the element of this name, the first of them.
fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let (_, rest) = document.split_once(&open)?;
    rest.split_once(&close).map(|(text, _)| text)
}

/// GET of the manifest by tag with this authorization.
fn pull(target: &Target, authorization: &str, image: &Image) -> Request {
    let mut text = format!("GET /v2/{REPOSITORY}/manifests/latest HTTP/1.1\r\n");
    let _ = write!(text, "Host: {}\r\nAuthorization: {authorization}\r\n", target.address());
    let _ = write!(text, "Accept: {}\r\n\r\n", super::image::MANIFEST);
    Request { text, status: 200, length: image.manifest.content.size() }
}

async fn sample(
    target: &Arc<Target>,
    request: &Arc<Request>,
    time: Duration,
) -> anyhow::Result<Sample> {
    let (begin, before) = (Instant::now(), target.process.cpu()?);
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (target, request) = (Arc::clone(target), Arc::clone(request));
        clients.spawn(async move {
            let mut reader = Reader::connect(target.address()).await?;
            let mut done = 0;
            while begin.elapsed() < time {
                reader.exchange(&request).await?;
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    let mut operations = 0;
    while let Some(done) = clients.join_next().await {
        operations += done??;
    }
    let cpu = target.process.cpu()?.saturating_sub(before);
    Ok(Sample { operations, cpu, wall: begin.elapsed() })
}
