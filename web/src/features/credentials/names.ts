import type { CredentialCheckOutcome, CredentialProvider } from '../../graphql/generated/documents';

export const PROVIDER_NAMES: Readonly<Record<CredentialProvider, string>> = {
  OPENAI: 'OpenAI',
  STRIPE: 'Stripe',
};

export const OUTCOME_NAMES: Readonly<Record<CredentialCheckOutcome, string>> = {
  ACCEPTED: 'accepted',
  REFUSED: 'refused by the provider',
  UNREACHABLE: 'the provider did not answer',
};
