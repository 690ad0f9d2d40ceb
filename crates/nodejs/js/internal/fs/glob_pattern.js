// Patterns of `fs.glob`: braces, `?`, `*`, sets in brackets, and lists such as `!(a|b)`.

'use strict';

const {
  ArrayPrototypePush, RegExp, RegExpPrototypeExec, StringPrototypeIncludes, StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeSplit,
  StringPrototypeStartsWith,
} = primordials;
const { codes: { ERR_INVALID_ARG_VALUE } } = require('internal/errors');

/** What braces may make of one pattern, and how long it may be. */
const MOST_PATTERNS = 1024;
const LONGEST_PATTERN = 4095;
const SPECIAL = '\\^$.|?*+()[]{}/';

/** Where the bracket at `open` is closed; -1 for nowhere. */
function closing(pattern, open, left, right) {
  let depth = 0;
  for (let i = open; i < pattern.length; i++) {
    if (pattern[i] === '\\') i++;
    else if (pattern[i] === left) depth++;
    else if (pattern[i] === right && --depth === 0) return i;
  }
  return -1;
}

/** The text between separators that stand in no brackets of their own. */
function alternatives(text, separator, left, right) {
  const parts = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === left) depth++;
    else if (text[i] === right) depth--;
    else if (text[i] === separator && depth === 0) {
      ArrayPrototypePush(parts, StringPrototypeSlice(text, start, i));
      start = i + 1;
    }
  }
  ArrayPrototypePush(parts, StringPrototypeSlice(text, start));
  return parts;
}

/** Every pattern that one with braces stands for. */
function expandBraces(pattern) {
  const done = [];
  const pending = [pattern];
  for (let next = 0; next < pending.length; next++) {
    const text = pending[next];
    if (pending.length > MOST_PATTERNS || text.length > LONGEST_PATTERN) throw new ERR_INVALID_ARG_VALUE('pattern', pattern, 'stands for too many patterns');
    const open = StringPrototypeIndexOf(text, '{');
    const close = open === -1 ? -1 : closing(text, open, '{', '}');
    const parts = close === -1 ? [] : alternatives(StringPrototypeSlice(text, open + 1, close), ',', '{', '}');
    if (parts.length < 2) {
      ArrayPrototypePush(done, text);
      continue;
    }
    for (let i = 0; i < parts.length; i++) ArrayPrototypePush(pending, StringPrototypeSlice(text, 0, open) + parts[i] + StringPrototypeSlice(text, close + 1));
  }
  return done;
}

const literal = (character) => (StringPrototypeIncludes(SPECIAL, character) ? `\\${character}` : character);

/** What stands in brackets, as a regular expression has it. */
function setOf(text) {
  let source = '';
  const isNegative = text[0] === '!' || text[0] === '^';
  for (let i = isNegative ? 1 : 0; i < text.length; i++) source += text[i] === '-' ? '-' : literal(text[i]);
  return `[${isNegative ? '^' : ''}${source}]`;
}

/** The source of a regular expression for one part of a path. */
function sourceOf(part) {
  let source = '';
  for (let i = 0; i < part.length; i++) {
    const character = part[i];
    if (part[i + 1] === '(' && StringPrototypeIncludes('?*+@!', character)) {
      const close = closing(part, i + 1, '(', ')');
      if (close !== -1) {
        const parts = alternatives(StringPrototypeSlice(part, i + 2, close), '|', '(', ')');
        let choice = '';
        for (let j = 0; j < parts.length; j++) choice += (j === 0 ? '' : '|') + sourceOf(parts[j]);
        if (character === '!') source += `(?!(?:${choice})${sourceOf(StringPrototypeSlice(part, close + 1))}$)[^/]*`;
        else source += `(?:${choice})${character === '@' ? '' : character}`;
        i = close;
        continue;
      }
    }
    const close = character === '[' ? StringPrototypeIndexOf(part, ']', i + 2) : -1;
    if (close !== -1) {
      source += setOf(StringPrototypeSlice(part, i + 1, close));
      i = close;
    } else if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '\\' && i + 1 < part.length) source += literal(part[++i]);
    else source += literal(character);
  }
  return source;
}

/** `(name) => boolean` for one part of a path. */
function matcher(part) {
  const expression = new RegExp(`^${sourceOf(part)}$`, 'u');
  return (name) => RegExpPrototypeExec(expression, name) !== null;
}

/** The parts of each pattern that `pattern` stands for: `'**'`, `'..'`, or a function that matches a name. */
function partsOf(pattern) {
  const patterns = expandBraces(pattern);
  for (let i = 0; i < patterns.length; i++) {
    const texts = StringPrototypeSplit(patterns[i], '/');
    const parts = [];
    for (let j = 0; j < texts.length; j++) {
      if (texts[j] === '' || texts[j] === '.') continue;
      if (texts[j] === '**' && parts[parts.length - 1] === '**') continue;
      ArrayPrototypePush(parts, texts[j] === '**' || texts[j] === '..' ? texts[j] : matcher(texts[j]));
    }
    // What begins at the root is in no directory that is looked through.
    patterns[i] = StringPrototypeStartsWith(patterns[i], '/') ? [] : parts;
  }
  return patterns;
}

/** Whether a path, by its names, is what these parts say. */
function matches(parts, names, part = 0, name = 0) {
  if (part === parts.length) return name === names.length;
  if (parts[part] === '**') {
    for (let i = name; i <= names.length; i++) {
      if (matches(parts, names, part + 1, i)) return true;
    }
    return false;
  }
  return name < names.length && typeof parts[part] === 'function' && parts[part](names[name]) && matches(parts, names, part + 1, name + 1);
}

module.exports = { matches, partsOf };
