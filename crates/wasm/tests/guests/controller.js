// A controller of the world `controller`: adds `a` to itself, and fails as it is told to.
import { write } from 'ketch:api/log@0.1.0';

export function call(request) {
  const { args, route } = JSON.parse(request);
  if (args.a === 404) {
    throw JSON.stringify({ status: 404, code: 'no_such_number', message: 'that one is not there' });
  }
  if (args.a === 13) {
    throw 'an unlucky number';
  }
  write('info', `adding for ${route}`);
  return JSON.stringify({ _STATUS_: 201, sum: args.a + args.a });
}
