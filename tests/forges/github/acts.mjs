// What people do on GitHub's own pages, beyond what both forges have.

import { projectOf, requestOf } from '../core/acts.mjs';
import { Refusal } from '../core/http.mjs';
import { makeApp } from './auth.mjs';
import { enqueue, mergeNow, stepQueue } from './merging.mjs';

export const acts = {
  app: ({ world }, { do: _, ...given }) => makeApp(world, given),

  /**
   * Classic protection of `branch` (a pattern): approvals (absent: no request needed), dismissStale,
   * codeOwners, requiredChecks, strict, enforceAdmins, restrictTo, linear, allowForce, allowDelete, locked.
   */
  protect: (forge, { do: _, project, branch, ...given }) => {
    const found = projectOf(forge, { project });
    found.protections = [
      ...found.protections.filter(({ pattern }) => pattern !== branch),
      { pattern: branch, ...given },
    ];
  },

  unprotect: (forge, { project, branch }) => {
    const found = projectOf(forge, { project });
    found.protections = found.protections.filter(({ pattern }) => pattern !== branch);
  },

  /** `rules` as in GitHub's REST API; `bypass`: logins; `branches`: patterns or ~DEFAULT_BRANCH, ~ALL. */
  ruleset: (
    forge,
    { do: _, project, name = 'rules', branches = ['~DEFAULT_BRANCH'], enforcement = 'active', bypass = [], rules },
  ) => {
    const found = projectOf(forge, { project });
    const id = forge.world.id();
    found.rulesets = [
      ...found.rulesets.filter((other) => other.name !== name),
      { id, name, branches, enforcement, bypass, rules, createdAt: forge.world.clock.iso() },
    ];
    return { id };
  },

  /** The Merge button, `{merged, words}`: for whoever sees it, by the rules that hold for the API. */
  click: async (forge, step) => {
    const { project, request, by } = requestOf(forge, step);
    try {
      await mergeNow({ forge, project, request, user: by, entry: null, token: null, method: step.method });
      return { merged: true, words: null };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { merged: false, words: error.body.message };
    }
  },

  enqueue: (forge, step) => {
    const { project, request, by } = requestOf(forge, step);
    enqueue(forge, project, request, by);
  },

  /** The merge queue's next entry is merged, or with `fail` thrown out. */
  queue: (forge, step) => stepQueue(forge, projectOf(forge, step), step),
};
