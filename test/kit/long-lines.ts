const many = (text: string) => text.repeat(300_000);

/** Lines on which a careless expression of a scaffold's parser would try every place again from every other. */
export const longLines = [
  `\`\`\`${many(" ")}<`,
  `\`\`\`${many("a")}<`,
  `\`\`\`py\n${many("`")}x`,
  `x${many("`")}python x`,
  `{"code": "${many(" ")}x`,
  `{"code": "a"${many(" ")}x`,
  `{"name": "python", "arguments": {}${many(" ")}x`,
  `{"name": "python", "arguments": {"code": "1"}${many("}")}x`,
  `<answer>${many(" ")}`,
];
