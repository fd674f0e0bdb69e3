/** An unsigned token: clients do not verify. */
export function jwt(body: object): string {
  return `e30.${Buffer.from(JSON.stringify(body)).toString('base64url')}.c2ln`;
}
