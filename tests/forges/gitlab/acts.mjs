// What people do on GitLab's own pages, beyond what both forges have.

import { acts as common, projectOf, requestOf } from '../core/acts.mjs';
import { Refusal } from '../core/http.mjs';
import { ROLES } from '../core/world.mjs';
import { accept, board, stepTrain } from './merging.mjs';
import { makePipeline, pipelineOf } from './pipelines.mjs';

export const acts = {
  /** `branch` (a pattern), `push`/`merge`: "none", "developer", "maintainer"; pushUsers, mergeUsers, allowForce, codeOwner. */
  protect: (forge, { do: _, project, branch, push = 'maintainer', merge = 'maintainer', ...given }) => {
    const found = projectOf(forge, { project });
    const others = found.protections.filter(({ pattern }) => pattern !== branch);
    found.protections = [
      ...others,
      { id: forge.world.id(), pattern: branch, push: ROLES[push], merge: ROLES[merge], ...given },
    ];
  },

  unprotect: (forge, { project, branch }) => {
    const found = projectOf(forge, { project });
    found.protections = found.protections.filter(({ pattern }) => pattern !== branch);
  },

  /** `required`; `users`, `groups` (neither: any member); `branch` if not for all targets. */
  approvalRule: (forge, { do: _, project, name = 'All Members', ...given }) => {
    const found = projectOf(forge, { project });
    const id = forge.world.id();
    found.approvalRules = [
      ...found.approvalRules.filter((other) => other.name !== name),
      { id, name, required: 1, ...given },
    ];
    return { id };
  },

  /** An open discussion, or (`resolved`) none. */
  discuss: (forge, step) => void (requestOf(forge, step).request.unresolved = !step.resolved),

  /** The Merge button, `{merged, words}`: for whoever sees it, by the rules that hold for the API. */
  click: async (forge, step) => {
    const { project, request, by } = requestOf(forge, step);
    const ctx = { forge, world: forge.world, project, user: by, token: null, entry: null, effect: () => {} };
    request.checksLeft = 0;
    try {
      await accept(ctx, request, {});
      return { merged: true, words: null };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { merged: false, words: error.body.message };
    }
  },

  /** CI makes a pipeline for a request's head, or for a `branch`, with one job that is in `state`. */
  pipeline: async (forge, step) => {
    const project = projectOf(forge, step);
    const request = project.requests.get(step.number);
    const sha = request?.headSha ?? project.repo.branch(step.branch);
    const ref = request ? `refs/merge-requests/${request.number}/head` : step.branch;
    const source = request ? 'merge_request_event' : 'push';
    const { id } = makePipeline(forge.world, project, { sha, ref, source });
    await acts.status(forge, { ...step, sha, branch: undefined, state: step.state ?? 'running' });
    return { id };
  },

  /** What a job of the commit's newest pipeline came to; without one, what it was reported as. */
  status: async (forge, step) => {
    const project = projectOf(forge, step);
    const { sha } = await common.status(forge, step);
    const status = project.statuses.at(-1);
    const ref = step.branch ?? (await project.repo.branchWith(sha));
    const pipeline = pipelineOf(project, sha) ?? makePipeline(forge.world, project, { sha, ref });
    Object.assign(status, { pipeline: pipeline.id, ref: pipeline.ref });
    return { sha };
  },

  enqueue: (forge, step) => {
    const { project, request, by } = requestOf(forge, step);
    board({ world: forge.world, entry: null }, project, request, by);
  },

  /** The train's first request is merged, or with `fail` thrown out. */
  queue: (forge, step) => stepTrain(forge, projectOf(forge, step), step),
};
