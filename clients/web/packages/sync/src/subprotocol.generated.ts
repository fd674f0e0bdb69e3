// Generated from protos/kull_protos/contract/subprotocols.py by `make contract`: do not edit.

export const V2 = 'kull.sync.v2';
