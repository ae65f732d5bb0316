// A middleware of the world `middleware`: whoever has the right token is Ada.
export function inspect(request) {
  const { headers } = JSON.parse(request);
  if (headers.authorization !== 'Bearer ada') {
    return JSON.stringify({ status: 401, body: { why: 'a token is needed' } });
  }
  return JSON.stringify({ scope: ['reader'], claims: { id: 'ada' }, headers: { 'x-seen': 'yes' } });
}
