/** Under this provider name stand fields of the OpenAI wire format that this library does not interpret. */
export const WIRE = "openai";

/** Kind of the part that holds such fields of a whole assistant message. */
export const MESSAGE_FIELDS = "openai-message";
