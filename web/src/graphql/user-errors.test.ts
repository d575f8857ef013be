import { expect, test } from 'vitest';
import { type Complaint, complaintFor, otherComplaints, sentence } from './user-errors';

const complaints: Complaint[] = [
  { code: 'TAKEN', message: 'there is a category `Rent` already', field: ['input', 'name'] },
  { code: 'INVALID', message: 'too many', field: ['scopes'] },
  { code: 'ALREADY_DONE', message: 'done', field: null },
];

test('a complaint stands at its field, with or without the argument’s name before it', () => {
  expect(complaintFor(complaints, 'name')).toBe('There is a category `Rent` already.');
  expect(complaintFor(complaints, 'scopes')).toBe('Too many.');
  expect(complaintFor(complaints, 'other')).toBeNull();
});

test('what belongs to no field of the form is left for the head of it', () => {
  expect(otherComplaints(complaints, ['name', 'scopes']).map((one) => one.code)).toEqual(['ALREADY_DONE']);
});

test('a sentence gets its capital and its stop once', () => {
  expect(sentence('no.')).toBe('No.');
  expect(sentence('')).toBe('');
});
