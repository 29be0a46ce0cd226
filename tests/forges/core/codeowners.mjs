// CODEOWNERS in the form that both forges read alike: the last line that matches a file owns it;
// GitLab's sections are read as plain lines.
// https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
// https://docs.gitlab.com/user/project/codeowners/reference/

/** `[{pattern, owners}]` of the branch's file; GitLab looks in the root first, GitHub in .github. */
export async function codeOwners(repo, branch, folders) {
  for (const folder of folders) {
    const text = await repo.read(`refs/heads/${branch}`, `${folder}CODEOWNERS`);
    if (!text) continue;
    const lines = text
      .toString()
      .split('\n')
      .map((line) => line.replace(/(^|\s)#.*$/, '').trim());
    return lines
      .filter((line) => line && !/^\^?\[/.test(line))
      .map((line) => {
        const [pattern, ...owners] = line.split(/\s+/);
        return { pattern, owners };
      });
  }
  return [];
}

export function ownersOf(lines, file) {
  return lines.findLast(({ pattern }) => matches(pattern, file))?.owners ?? [];
}

/** As in .gitignore, without negation. */
export function matches(pattern, file) {
  const anchored = pattern.replace(/^\//, '');
  const rooted = pattern.startsWith('/') || anchored.replace(/\/$/, '').includes('/');
  const body = anchored
    .replace(/[.+?^$()|[\]\\{}]/g, '\\$&')
    .replaceAll('**/', '\u0001')
    .replaceAll('**', '\u0002')
    .replaceAll('*', '[^/]*')
    .replaceAll('\u0001', '(?:.*/)?')
    .replaceAll('\u0002', '.*');
  const end = pattern.endsWith('/') ? '.*' : '(?:/.*)?';
  return new RegExp(`^${rooted ? '' : '(?:.*/)?'}${body}${end}$`).test(file);
}

/** Branch patterns: `*` does not cross a slash for GitHub (fnmatch), and does for GitLab. */
export function branchMatches(pattern, branch, crossing) {
  const star = crossing ? '.*' : '[^/]*';
  const source = pattern
    .replace(/[.+?^$()|[\]\\{}]/g, '\\$&')
    .replaceAll('**', '\u0002')
    .replaceAll('*', star)
    .replaceAll('\u0002', '.*');
  return new RegExp(`^${source}$`).test(branch);
}
