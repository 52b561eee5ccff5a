// Reading a resource as kubectl gives it.

export function conditionOf(resource, type) {
  return resource.status?.conditions?.find((one) => one.type === type) ?? {};
}

export const keyOf = (asset) => asset.spec?.key || asset.metadata.name;
export const groupOf = (asset) => asset.spec?.group || "default";
