//! The Query protocol's edge: STS, and in time IAM. Served today is GetCallerIdentity, which every
//! tool asks first; the rest is answered as AWS answers what it does not know.

use http::request::Parts;
use serde_json::{Value, json};
use wharf_aws::query::{self, Form};
use wharf_aws::sigv4::Protocol;
use wharf_aws::{Model, Operation};

use crate::{Answer, Api, Refusal, Told};

const CONTENT_TYPE: &str = "text/xml";
const IAM_VERSION: &str = "2010-05-08";
const STS_VERSION: &str = "2011-06-15";

impl Api {
    /// Answers a request to IAM or STS: a form in the body of a POST, or a query string.
    pub async fn query(&self, parts: &Parts, body: &[u8], request_id: &str) -> Answer {
        let text = match parts.method {
            http::Method::GET => parts.uri.query().unwrap_or("").as_bytes(),
            _ => body,
        };
        let form = match Form::read(text) {
            Ok(form) => form,
            Err(error) => {
                let (code, status) = error.code();
                return failed(Model::sts(), code, status, &error.to_string(), request_id);
            }
        };
        let (action, version) =
            (form.action().unwrap_or_default(), form.version().unwrap_or_default());
        let (model, service) = match version {
            STS_VERSION => (Model::sts(), "sts"),
            IAM_VERSION => (Model::iam(), "iam"),
            _ => return unknown(action, version, request_id),
        };
        let Some(operation) = model.operation(action) else {
            return unknown(action, version, request_id);
        };
        match self.run_query(parts, body, operation, service, request_id).await {
            Ok(answer) => answer,
            Err(Refusal::Credentials(rejection)) => {
                let (code, status) = rejection.code(Protocol::Query);
                failed(model, code, status, rejection.message(Protocol::Query), request_id)
            }
            Err(refusal) => {
                tracing::error!(request_id, error = %refusal, "the request failed");
                failed(model, "InternalFailure", 500, &refusal.to_string(), request_id)
            }
        }
    }

    async fn run_query(
        &self,
        parts: &Parts,
        body: &[u8],
        operation: &'static Operation,
        service: &str,
        request_id: &str,
    ) -> Result<Answer, Refusal> {
        let signed = self.authenticate(parts, body, service).await?;
        let caller = signed.requester.caller();
        if (service, operation.name.as_str()) != ("sts", "GetCallerIdentity") {
            let text = format!("{} is not served by this version of Wharf yet", operation.name);
            let mut answer = failed(Model::sts(), "InvalidAction", 400, &text, request_id);
            answer.told.requester = Some(signed.requester);
            return Ok(answer);
        }
        let identity: Value = json!({
            "UserId": caller.user_id(),
            "Account": caller.account.as_str(),
            "Arn": &*caller.arn,
        });
        Ok(Answer {
            status: 200,
            content_type: CONTENT_TYPE,
            body: query::response(Model::sts(), operation, &identity, request_id).into_bytes(),
            told: Told {
                service: "sts",
                operation: Some(operation.name.as_str()),
                requester: Some(signed.requester),
                ..Told::default()
            },
        })
    }
}

fn unknown(action: &str, version: &str, request_id: &str) -> Answer {
    let body = query::invalid_action(action, version, request_id);
    answer(400, "InvalidAction", "", body)
}

fn failed(model: &Model, code: &str, status: u16, message: &str, request_id: &str) -> Answer {
    answer(status, code, message, query::error(model, code, status, message, request_id))
}

fn answer(status: u16, code: &str, message: &str, body: String) -> Answer {
    let error = Some((code.to_owned(), message.to_owned()));
    let told = Told { error, ..Told::default() };
    Answer { status, content_type: CONTENT_TYPE, body: body.into_bytes(), told }
}
