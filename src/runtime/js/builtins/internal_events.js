// internal/events: the Event and AbortController of the web, which the language has not.
export { AbortController, AbortSignal } from 'abort-controller';
export { Event, EventTarget } from 'event-target-shim';
