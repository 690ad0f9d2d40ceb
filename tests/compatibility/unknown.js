import value from "./defaulted.js" with { colour: "red" };
export default value;
