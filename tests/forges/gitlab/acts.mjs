// What people do on GitLab's own pages, beyond what both forges have.

import { projectOf, requestOf } from '../core/acts.mjs';
import { ROLES } from '../core/world.mjs';
import { board, stepTrain } from './merging.mjs';

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

  enqueue: (forge, step) => {
    const { project, request, by } = requestOf(forge, step);
    board({ world: forge.world, entry: null }, project, request, by);
  },

  /** The train's first request is merged, or with `fail` thrown out. */
  queue: (forge, step) => stepTrain(forge, projectOf(forge, step), step),
};
