//! The Query protocol's edge, for IAM and STS: a form in, an XML document out. The order is the
//! defence, as at ECR's edge: what is asked for, who asks, whether the input is one that the model
//! allows, whether the caller may; only then anything is done.

mod access;
mod error;
pub(crate) mod facts;
mod operation;
mod page;
mod subject;
mod table;
mod validation;

use std::sync::Arc;

use http::request::Parts;
use wharf_aws::query::{self, CONTENT_TYPE, Form};
use wharf_aws::{Model, Operation as Shape};
use wharf_policy::Region;

use crate::{Answer, Api, Told, parameters};

pub use error::Error;
pub use operation::{Call, Operation, Proven, Unsigned};
pub use page::Paged;
pub use subject::Subject;
pub use table::{Entry, IAM, STS};

pub(crate) use table::Run;

/// IAM or STS.
#[derive(Clone, Copy)]
pub(crate) struct Service {
    /// The name in the scope of signatures.
    name: &'static str,
    model: fn() -> &'static Model,
    table: &'static [Entry],
}

const SERVICES: [Service; 2] = [
    Service { name: "iam", model: Model::iam, table: IAM },
    Service { name: "sts", model: Model::sts, table: STS },
];

/// What a form asks for.
struct Wanted {
    service: Service,
    shape: &'static Shape,
}

impl Api {
    /// Answers a request to IAM or STS: a form in the body of a POST, or a query string.
    pub async fn query(&self, parts: &Parts, body: &[u8], request_id: &str) -> Answer {
        let text = match parts.method {
            http::Method::GET => parts.uri.query().unwrap_or("").as_bytes(),
            _ => body,
        };
        let mut answer = Answer {
            status: 200,
            content_type: CONTENT_TYPE,
            body: Vec::new(),
            told: Told::default(),
        };
        let wanted = Form::read(text).map_err(Error::from).and_then(|form| {
            let wanted = find(&form)?;
            Ok((form, wanted))
        });
        let (service, told) = match wanted {
            Ok((form, wanted)) => {
                let told = self.asked(parts, body, &form, &wanted, &mut answer.told).await;
                (wanted.service, told.map(|output| (wanted.shape, output)))
            }
            Err(error) => (SERVICES[0], Err(error)),
        };
        match told {
            Ok((shape, output)) => {
                let document = query::response((service.model)(), shape, &output, request_id);
                answer.body = document.into_bytes();
            }
            Err(error) => refuse(&mut answer, service, &error, request_id),
        }
        answer
    }

    async fn asked(
        &self,
        parts: &Parts,
        body: &[u8],
        form: &Form,
        wanted: &Wanted,
        told: &mut Told,
    ) -> Result<serde_json::Value, Error> {
        let Wanted { service, shape } = wanted;
        told.service = service.name;
        let name = shape.name.as_str();
        let entry = service.table.iter().find(|entry| entry.name == name);
        if let Some(Entry { run: Run::Unsigned(run), .. }) = entry {
            told.operation = Some(name);
            let input = self.input(*service, shape, form, told)?;
            let proven = Arc::new(Proven::new());
            let origin = self.origin(parts, home()).into();
            let output = run(self.clone(), origin, proven.clone(), input).await;
            told.requester = proven.get().cloned();
            return output;
        }
        // IAM and STS know no Regions: clients sign for the one that they are set to.
        let signed = self.authenticate(parts, body, service.name).await?;
        told.requester = Some(signed.requester.clone());
        told.operation = Some(name);
        let Some(Entry { run: Run::Signed(run), .. }) = entry else {
            return Err(Error::NotServed(name));
        };
        let input = self.input(*service, shape, form, told)?;
        run(self.clone(), signed.requester, input).await
    }

    /// The input of the form, checked against the model.
    fn input(
        &self,
        service: Service,
        shape: &Shape,
        form: &Form,
        told: &mut Told,
    ) -> Result<serde_json::Value, Error> {
        let input = validation::input(service, shape, form)?;
        if self.audited {
            told.parameters = Some(parameters::shown(&input));
        }
        Ok(input)
    }
}

/// The operation of the form, by its version; clients that name none are understood by the action.
fn find(form: &Form) -> Result<Wanted, Error> {
    let (action, version) = (form.action().unwrap_or_default(), form.version());
    let serves = |service: &&Service| match version {
        Some(version) => (service.model)().metadata.api_version == version,
        None => (service.model)().operation(action).is_some(),
    };
    let found = SERVICES.iter().find(serves).copied();
    let wanted = found.and_then(|service| {
        let shape = (service.model)().operation(action)?;
        Some(Wanted { service, shape })
    });
    wanted.ok_or_else(|| Error::UnknownAction {
        action: action.to_owned(),
        version: version.unwrap_or_default().to_owned(),
    })
}

/// The Region of a request that no signature names one for.
fn home() -> Region {
    "us-east-1".parse().expect("us-east-1 is the name of a Region")
}

fn refuse(answer: &mut Answer, service: Service, error: &Error, request_id: &str) {
    let (code, status) = error.codes(service.name);
    if error.is_fault() {
        tracing::error!(request_id, error = error.told(), "the request failed");
    }
    let document = match error {
        Error::UnknownAction { action, version } => {
            query::invalid_action(action, version, request_id)
        }
        _ => query::error((service.model)(), code, status, &error.to_string(), request_id),
    };
    answer.status = status;
    answer.told.error = Some((code.to_owned(), error.to_string()));
    answer.body = document.into_bytes();
}
