// Protected branches: who may push, who may merge. https://docs.gitlab.com/user/project/repository/branches/protected/

import { branchMatches } from '../core/codeowners.mjs';
import { ROLES } from '../core/world.mjs';

export function protectionOf(project, branch) {
  return project.protections.filter(({ pattern }) => branchMatches(pattern, branch, true));
}

/** Of several rules the most permissive counts. `what`: "push" or "merge". */
export function mayChange(world, project, branch, user, what) {
  const role = world.role(project, user);
  const rules = protectionOf(project, branch);
  if (rules.length === 0) return role >= ROLES.developer;
  return rules.some((rule) => {
    const least = rule[what] ?? ROLES.maintainer;
    return (least > 0 && role >= least) || (rule[`${what}Users`] ?? []).includes(user?.login);
  });
}

const WORDS = {
  push: 'GitLab: You are not allowed to push code to protected branches on this project.',
  force: 'GitLab: You are not allowed to force push code to a protected branch on this project.',
  remove: 'GitLab: You can only delete protected branches using the web interface.',
};

export function pushVerdict(world, project, commands, user) {
  const refused = new Map();
  const noForce = new Map();
  for (const { ref, new: next } of commands) {
    if (!ref.startsWith('refs/heads/')) continue;
    const branch = ref.slice('refs/heads/'.length);
    const rules = protectionOf(project, branch);
    if (rules.length === 0) continue;
    if (/^0+$/.test(next)) refused.set(ref, WORDS.remove);
    else if (!mayChange(world, project, branch, user, 'push')) refused.set(ref, WORDS.push);
    else if (!rules.some(({ allowForce }) => allowForce)) noForce.set(ref, WORDS.force);
  }
  return { refused, noForce };
}
