//! Credentials for the bucket, the usual way of AWS: environment, shared credentials file, web identity, container,
//! instance metadata. The last three are `object_store`'s; the file is read here, and read again when it changes.
//! Profiles that assume a role, start a program or log in by SSO are refused by name.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use async_trait::async_trait;
use object_store::{
    CredentialProvider,
    aws::{AmazonS3Builder, AwsCredential},
};

use super::settings::{Environment, ROLE_VARIABLES, S3Settings};
use crate::Unusable;

type Section = HashMap<String, String>;

/// Where the credentials come from.
pub(super) enum Profile {
    Fixed(AwsCredential, Option<String>),
    File(Shared, Option<String>),
    /// A role of the container, the pod or the machine.
    Role,
}

impl Profile {
    pub(super) fn find(
        settings: &S3Settings,
        environment: &Environment,
    ) -> Result<Profile, Unusable> {
        let named = environment.get("AWS_PROFILE");
        let profile = named.clone().unwrap_or_else(|| "default".to_owned());
        let home = environment.get("HOME").map(PathBuf::from);
        let in_home = |name: &str| home.as_ref().map(|home| home.join(".aws").join(name));
        if let Some(path) = &settings.credentials_file {
            return Profile::of_file(path.clone(), profile, None);
        }
        let config = environment.get("AWS_CONFIG_FILE").map(PathBuf::from);
        let region = config
            .or_else(|| in_home("config"))
            .and_then(|path| section(&path, &config_section(&profile)).ok().flatten())
            .and_then(|mut section| section.remove("region"));
        if let Some(credential) = of_environment(environment)? {
            return Ok(Profile::Fixed(credential, region));
        }
        let file = environment.get("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from);
        let is_named = named.is_some() || file.is_some();
        match file.or_else(|| in_home("credentials")) {
            Some(path) if is_named || section(&path, &profile).is_ok_and(|one| one.is_some()) => {
                Profile::of_file(path, profile, region)
            }
            _ => Ok(Profile::Role),
        }
    }

    fn of_file(
        path: PathBuf,
        profile: String,
        region: Option<String>,
    ) -> Result<Profile, Unusable> {
        let shared = Shared { path, profile, read: Mutex::default() };
        shared.credential().map_err(Unusable::Credentials)?;
        Ok(Profile::File(shared, region))
    }

    pub(super) fn region(&self) -> Option<String> {
        match self {
            Profile::Fixed(_, region) | Profile::File(_, region) => region.clone(),
            Profile::Role => None,
        }
    }

    pub(super) fn give(
        self,
        builder: AmazonS3Builder,
        environment: &Environment,
    ) -> AmazonS3Builder {
        match self {
            Profile::Fixed(credential, _) => {
                let builder = builder
                    .with_access_key_id(credential.key_id)
                    .with_secret_access_key(credential.secret_key);
                credential.token.into_iter().fold(builder, AmazonS3Builder::with_token)
            }
            Profile::File(shared, _) => builder.with_credentials(Arc::new(shared)),
            Profile::Role => ROLE_VARIABLES.into_iter().fold(builder, |builder, (name, key)| {
                match environment.get(name) {
                    Some(value) => builder.with_config(key, value),
                    None => builder,
                }
            }),
        }
    }
}

fn of_environment(environment: &Environment) -> Result<Option<AwsCredential>, Unusable> {
    let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    match (environment.get(id), environment.get(secret)) {
        (Some(key_id), Some(secret_key)) => {
            let token = environment.get("AWS_SESSION_TOKEN");
            Ok(Some(AwsCredential { key_id, secret_key, token }))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(Unusable::Credentials(format!("{id} is set, {secret} is not"))),
        (None, Some(_)) => Err(Unusable::Credentials(format!("{secret} is set, {id} is not"))),
    }
}

/// One profile of a shared credentials file, which somebody may renew at any time.
#[derive(Debug)]
pub(super) struct Shared {
    path: PathBuf,
    profile: String,
    read: Mutex<Option<(SystemTime, Arc<AwsCredential>)>>,
}

#[async_trait]
impl CredentialProvider for Shared {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        self.credential().map_err(|reason| object_store::Error::Generic {
            store: "S3",
            source: format!("no credentials: {reason}").into(),
        })
    }
}

impl Shared {
    /// A look at the file's time for each request: that is a system call, and it spares a timer.
    fn credential(&self) -> Result<Arc<AwsCredential>, String> {
        let wrong = |reason: &dyn std::fmt::Display| format!("{}: {reason}", self.path.display());
        let modified = fs::metadata(&self.path).and_then(|found| found.modified());
        let modified = modified.map_err(|error| wrong(&error))?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((time, credential)) = &*read
            && *time == modified
        {
            return Ok(Arc::clone(credential));
        }
        let found = section(&self.path, &self.profile).map_err(|error| wrong(&error))?;
        let found = found.ok_or_else(|| wrong(&format!("no profile [{}]", self.profile)))?;
        let credential = Arc::new(
            of_section(found)
                .map_err(|reason| wrong(&format!("profile [{}]: {reason}", self.profile)))?,
        );
        *read = Some((modified, Arc::clone(&credential)));
        Ok(credential)
    }
}

fn of_section(mut section: Section) -> Result<AwsCredential, String> {
    let mut take = |name: &str| section.remove(name).filter(|value| !value.is_empty());
    match (take("aws_access_key_id"), take("aws_secret_access_key")) {
        (Some(key_id), Some(secret_key)) => {
            Ok(AwsCredential { key_id, secret_key, token: take("aws_session_token") })
        }
        (None, None) => match ["role_arn", "credential_process", "sso_session", "sso_start_url"]
            .into_iter()
            .find(|name| section.contains_key(*name))
        {
            Some(other) => {
                Err(format!("{other} is not supported here; give access keys, or run with a role"))
            }
            None => Err("no aws_access_key_id and aws_secret_access_key".to_owned()),
        },
        (Some(_), None) => Err("no aws_secret_access_key".to_owned()),
        (None, Some(_)) => Err("no aws_access_key_id".to_owned()),
    }
}

fn config_section(profile: &str) -> String {
    if profile == "default" { profile.to_owned() } else { format!("profile {profile}") }
}

/// One section of a file of AWS's format; None when it has no such section.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>
fn section(path: &Path, wanted: &str) -> std::io::Result<Option<Section>> {
    let text = fs::read_to_string(path)?;
    let mut found: Option<Section> = None;
    let mut is_inside = false;
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default().trim_end();
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            is_inside = name.trim() == wanted;
            if is_inside {
                found.get_or_insert_default();
            }
        } else if is_inside
            && !line.starts_with(['#', ';', ' ', '\t'])
            && let (Some(section), Some((name, value))) = (&mut found, line.split_once('='))
        {
            section.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
    Ok(found)
}
