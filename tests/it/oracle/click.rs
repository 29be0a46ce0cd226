//! A person's click on the forge's merge button, after `tend` has told what may go.

use serde_json::{Value, json};

use super::place::{CHECK, GATES, Kind, StateRepo};

/// Has `tend` look at a request of which CI has said nothing but good, and clicks; whether it was
/// merged.
///
/// # Errors
/// What `tend` said, where it failed, or that the click did not do as the colours told.
pub fn click(repo: &StateRepo<'_>, number: u64, at: &str) -> Result<bool, String> {
    report(repo, number);
    let Some(state) = tended(repo, number, at)? else { return Ok(false) };
    let forge = repo.place.forge().expect("a forge");
    let clicked = forge.act(json!({"do": "click", "project": repo.project, "number": number,
        "by": "anna"}));
    let merged = clicked["merged"] == true;
    let is_green = state == "success";
    if merged == is_green { Ok(merged) } else { Err(format!("`{state}`, and {clicked}")) }
}

/// What `pinrail/gates` tells of a request after `tend`; `None` once the request is closed.
///
/// # Errors
/// What `tend` said, where it failed.
pub fn tended(repo: &StateRepo<'_>, number: u64, at: &str) -> Result<Option<String>, String> {
    let run = repo.pinrail(at, &["tend"]);
    if run.code != 0 {
        return Err(format!("{run:?}"));
    }
    let (state, request) = request(repo, number);
    if !matches!(request["state"].as_str(), Some("open" | "opened")) {
        return Ok(None);
    }
    let is_it = |one: &&Value| one["context"] == GATES && one["sha"] == request["headSha"];
    let newest = state["statuses"].as_array().into_iter().flatten().rfind(is_it);
    match newest.and_then(|status| status["state"].as_str()) {
        Some(state) => Ok(Some(state.to_owned())),
        // GitLab's status of a pipeline that passed says no more than that.
        None if repo.place.kind == Kind::GitLab => Ok(Some("success".to_owned())),
        None => Err(format!("there is no status: {state}")),
    }
}

/// Reports that CI's own check of a request's head passed, once.
fn report(repo: &StateRepo<'_>, number: u64) {
    let forge = repo.place.forge().expect("a forge");
    let (state, request) = request(repo, number);
    let head = &request["headSha"];
    let mut known = [&state["pipelines"], &state["statuses"]]
        .into_iter()
        .flat_map(|list| list.as_array().into_iter().flatten());
    if known.any(|one| one["sha"] == *head && one["context"] != GATES) {
        return;
    }
    match repo.place.kind {
        Kind::GitLab => forge.act(json!({"do": "pipeline", "project": repo.project,
            "number": number, "state": "success"})),
        _ => forge.act(json!({"do": "status", "project": repo.project, "sha": head,
            "context": CHECK, "state": "success"})),
    };
}

/// The project, and the request in it.
fn request(repo: &StateRepo<'_>, number: u64) -> (Value, Value) {
    let state = repo.place.forge().expect("a forge").state(&repo.project);
    let all = state["requests"].as_array().into_iter().flatten();
    let request = all.clone().find(|request| request["number"] == number).cloned();
    (state.clone(), request.expect("the request"))
}
