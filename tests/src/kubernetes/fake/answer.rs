//! One request and its answer.
//!
//! In: a request, the store, the faults that are planned. Out: a response; lists and watches are streams.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use serde_json::{Value, json};

use super::store::{Key, merge};
use super::target::Target;
use super::{Fault, Shared, stream as streams};

pub(super) type Body = BoxBody<Bytes, std::io::Error>;
pub(super) type Answer = Response<Body>;

pub(super) async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Answer, std::io::Error> {
    let uri = request.uri().path_and_query().map_or("/", |it| it.as_str()).to_owned();
    let Some(target) = Target::read(request.method().as_str(), &uri) else {
        return Ok(beside(&uri));
    };
    let (number, fault) = record(&shared, &target);
    let body = request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
    let answer = match fault {
        Some(Fault::Hang) => return std::future::pending().await,
        Some(Fault::Status(code, reason, message)) => status(code, reason, message),
        Some(Fault::TooManyRequests(seconds)) => {
            let mut answer = status(429, "TooManyRequests", "the server has received too many requests");
            answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            answer
        }
        Some(Fault::Text(code, text)) => with(code, "text/plain", text.into()),
        Some(Fault::SilentBody) => act(&shared, &target, &body, None).map(|_| silence()),
        Some(Fault::CutAfter(bytes)) => act(&shared, &target, &body, None).map(|body| cut(body, bytes)),
        other => act(&shared, &target, &body, other.as_ref()),
    };
    if let Some(asked) = shared.state().asked.get_mut(number) {
        asked.status = answer.status().as_u16();
    }
    Ok(answer)
}

/// Writes the request down; gives its number, and what shall go wrong with it.
fn record(shared: &Shared, target: &Target) -> (usize, Option<Fault>) {
    let mut state = shared.state();
    state.asked.push(target.asked());
    let number = state.asked.len() - 1;
    let mut planned = state.planned.iter_mut();
    let planned = planned
        .find(|plan| plan.times > 0 && plan.verb == target.verb && plan.resource == target.resource)
        .map(|plan| {
            plan.times = plan.times.saturating_sub(1);
            plan.fault.clone()
        });
    (number, planned)
}

fn beside(uri: &str) -> Answer {
    match uri {
        "/readyz" | "/livez" | "/healthz" => with(200, "text/plain", "ok".into()),
        "/version" => json(200, &json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0-scripted"})),
        _ => status(404, "NotFound", "the server could not find the requested resource"),
    }
}

fn act(shared: &Arc<Shared>, target: &Target, body: &[u8], fault: Option<&Fault>) -> Answer {
    let document = || serde_json::from_slice::<Value>(body);
    match (target.verb, document()) {
        ("list", _) => streams::list(shared, target, matches!(fault, Some(Fault::Undecodable))),
        ("watch", _) => streams::watch(shared, target, matches!(fault, Some(Fault::ExpiredEvent))),
        ("get", _) => match shared.state().store.objects.get(&key(target)) {
            Some(object) => json(200, object),
            None => not_found(target),
        },
        ("delete", document) => delete(shared, target, &document.unwrap_or_default()),
        ("create", Ok(document)) => create(shared, target, document),
        ("patch", Ok(document)) => patch(shared, target, &document),
        (_, Err(error)) => status(400, "BadRequest", &error.to_string()),
        (_, Ok(_)) => status(405, "MethodNotAllowed", "the server does not allow this method"),
    }
}

fn create(shared: &Shared, target: &Target, mut object: Value) -> Answer {
    let Some(name) = object["metadata"]["name"].as_str().map(str::to_owned) else {
        return status(422, "Invalid", "metadata.name: Required value");
    };
    if !target.name.is_empty() {
        return not_found(target);
    }
    let key = (target.resource.clone(), target.namespace.clone(), name);
    let mut state = shared.state();
    if state.store.objects.contains_key(&key) {
        let message = format!("{} {:?} already exists", target.resource, key.2);
        return status(409, "AlreadyExists", &message);
    }
    if !target.namespace.is_empty() {
        object["metadata"]["namespace"] = json!(target.namespace);
    }
    object["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    let made = state.store.put(&target.resource, object);
    shared.newest.send_replace(state.store.version());
    json(201, &made)
}

fn patch(shared: &Shared, target: &Target, patch: &Value) -> Answer {
    let mut state = shared.state();
    let Some(before) = state.store.objects.get(&key(target)) else { return not_found(target) };
    let mut object = before.as_ref().clone();
    if target.subresource == "status" {
        merge(&mut object["status"], &patch["status"]);
    } else {
        let mut patch = patch.clone();
        patch.as_object_mut().and_then(|patch| patch.remove("status"));
        merge(&mut object, &patch);
    }
    let made = state.store.put(&target.resource, object);
    shared.newest.send_replace(state.store.version());
    json(200, &made)
}

/// A pod on a node goes in two steps, unless its grace period is 0.
fn delete(shared: &Shared, target: &Target, options: &Value) -> Answer {
    let mut state = shared.state();
    let Some(object) = state.store.objects.get(&key(target)).cloned() else { return not_found(target) };
    let waits = target.resource == "pods" && object["spec"]["nodeName"].is_string();
    let grace = options["gracePeriodSeconds"].as_u64().unwrap_or(30);
    if waits && grace > 0 {
        let mut object = object.as_ref().clone();
        object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:30Z");
        object["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
        state.store.put(&target.resource, object);
    } else {
        state.store.delete(&key(target));
    }
    shared.newest.send_replace(state.store.version());
    json(200, &object)
}

fn key(target: &Target) -> Key {
    (target.resource.clone(), target.namespace.clone(), target.name.clone())
}

fn not_found(target: &Target) -> Answer {
    status(404, "NotFound", &format!("{} {:?} not found", target.resource, target.name))
}

/// A Status object as the API server answers it.
pub(super) fn status(code: u16, reason: &str, message: &str) -> Answer {
    json(code, &status_object(code, reason, message))
}

pub(super) fn status_object(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

fn json(code: u16, value: &Value) -> Answer {
    with(code, "application/json", value.to_string().into())
}

fn with(code: u16, content: &'static str, body: Bytes) -> Answer {
    let never = |never: std::convert::Infallible| match never {};
    response(code, content, Full::new(body).map_err(never).boxed())
}

/// A streamed answer.
pub(super) fn streamed(chunks: impl stream::Stream<Item = String> + Send + Sync + 'static) -> Answer {
    let frames = chunks.map(|chunk| Ok(Frame::data(Bytes::from(chunk))));
    response(200, "application/json", BodyExt::boxed(StreamBody::new(frames)))
}

fn response(code: u16, content: &'static str, body: Body) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content));
    response
}

fn silence() -> Body {
    BodyExt::boxed(StreamBody::new(stream::pending()))
}

/// The first bytes of a body; then the connection breaks.
fn cut(body: Body, bytes: usize) -> Body {
    let frames = stream::unfold((body, bytes), async |(mut body, left)| {
        let data = match body.frame().await {
            Some(Ok(frame)) if left > 0 => frame.into_data().unwrap_or_default(),
            _ => return Some((Err(std::io::Error::other("cut as told")), (body, 0))),
        };
        let data = data.slice(..data.len().min(left));
        let left = left - data.len();
        Some((Ok(Frame::data(data)), (body, left)))
    });
    BodyExt::boxed(StreamBody::new(Box::pin(frames)))
}
