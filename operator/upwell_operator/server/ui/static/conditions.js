// Reading a resource as kubectl gives it.

export function conditionOf(resource, type) {
  return resource.status?.conditions?.find((one) => one.type === type) ?? {};
}

// Those that are there only while something is wrong.
export const ABNORMAL = new Set(["Stalled", "Held"]);

export const keyOf = (asset) => asset.spec?.key || asset.metadata.name;
export const groupOf = (asset) => asset.spec?.group || "default";
