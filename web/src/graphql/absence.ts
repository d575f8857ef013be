import { type Answer, faultOf, RequestError, SWITCHED } from './request';

/** Faults after which nothing that was loaded before may go on being shown. */
const PUTS_AWAY = new Set(['FORBIDDEN', 'UNAUTHENTICATED', SWITCHED.code]);

/** Why a list is not there, or null where it is: one that was loaded stays if asking again just fails. */
export function absence(query: { error: Error | null; data: unknown }): Error | null {
  const { error, data } = query;
  const isPutAway = error instanceof RequestError && PUTS_AWAY.has(error.fault.code);
  return data === undefined || isPutAway ? error : null;
}

/** Why a root field of an answer is not there, or null where it is or is still to come. */
export function lack<Data>(
  query: { error: Error | null; data: Answer<Data> | undefined },
  field: keyof Data & string,
): Error | null {
  const { data } = query;
  return absence(query) ?? (data && !data.data[field] ? faultOf(data, field) : null);
}
