// A type checker of the world `type-checker`: knows even numbers.
export function matches(name) {
  return name === 'even';
}

export function check(name, value) {
  return JSON.parse(value) % 2 === 0;
}
