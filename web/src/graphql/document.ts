/** One operation of this app, with the types of what it takes and gives. Made by `npm run generate`. */
export interface Document<Data, Variables> {
  readonly name: string;
  /** SHA-256 of its text, by which the server has it. */
  readonly id: string;
  /** Never there: carries the types. */
  readonly types?: (variables: Variables) => Data;
}
