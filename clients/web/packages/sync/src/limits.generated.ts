// Generated from protos/kull_protos/contract/limits.py by `make contract`: do not edit.

export const MAX_TOKEN_CHARS = 4096;
export const MAX_NAME_CHARS = 64;
export const MAX_PLATFORM_CHARS = 32;
