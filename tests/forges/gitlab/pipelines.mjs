// Pipelines: made of jobs, which are statuses with a place in one.
// https://docs.gitlab.com/api/pipelines/  https://docs.gitlab.com/ci/pipelines/merge_request_pipelines/

import { projectUrl } from './shapes.mjs';

const WORDS = { failure: 'failed', error: 'failed' };

export function makePipeline(world, project, { sha, ref, source = 'external' }) {
  const pipeline = { id: world.id(), sha, ref, source, createdAt: world.clock.iso() };
  project.pipelines.push(pipeline);
  return pipeline;
}

// The newest one of a request's head is what decides.
// https://docs.gitlab.com/user/project/merge_requests/auto_merge/#require-a-successful-pipeline-for-merge
export function pipelineOf(project, sha) {
  const found = project.pipelines.findLast((pipeline) => pipeline.sha === sha);
  return found ? judged(project, found) : null;
}

/** With the status that its jobs come to; of several of one name the newest counts. */
export function judged(project, pipeline) {
  const jobs = new Map();
  for (const status of project.statuses) if (status.pipeline === pipeline.id) jobs.set(status.context, status);
  const states = [...jobs.values()].map(({ state }) => WORDS[state] ?? state);
  const status =
    ['failed', 'canceled', 'running', 'pending', 'skipped'].find((state) => states.includes(state)) ??
    (states.length === 0 ? 'created' : 'success');
  const updatedAt = [...jobs.values()].at(-1)?.updatedAt ?? pipeline.createdAt;
  return { ...pipeline, status, updatedAt };
}

export function pipelineShape(forge, project, pipeline) {
  if (!pipeline) return null;
  const { id, sha, ref, source, status, createdAt, updatedAt } = pipeline;
  return {
    id,
    iid: id,
    project_id: project.id,
    sha,
    ref: ref ?? project.defaultBranch,
    status,
    source,
    created_at: createdAt,
    updated_at: updatedAt,
    web_url: `${projectUrl(forge, project)}/-/pipelines/${id}`,
  };
}
